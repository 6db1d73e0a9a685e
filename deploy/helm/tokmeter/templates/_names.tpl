{{- define "tokmeter.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "tokmeter.labels" -}}
app.kubernetes.io/name: tokmeter
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "tokmeter.injector" -}}
app.kubernetes.io/name: tokmeter
app.kubernetes.io/component: injector
{{- end }}
