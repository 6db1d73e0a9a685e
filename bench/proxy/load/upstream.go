package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// upstream answers every POST like an OpenAI-compatible server: about 2 KB of JSON, or an SSE stream when the body asks
// for one. Nothing in a reply depends on time, so that the bytes of a direct and of a proxied run can be compared.
func upstream(arguments []string) {
	flags := flag.NewFlagSet("upstream", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:0", "address on the loopback interface")
	_ = flags.Parse(arguments)
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, http.HandlerFunc(answer)))
}

func answer(response http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	if strings.Contains(string(body), `"stream":true`) {
		stream(response, header(request, "X-Events", 50), time.Duration(header(request, "X-Interval-Us", 0))*time.Microsecond)
		return
	}
	response.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(response, unary)
}

func stream(response http.ResponseWriter, events int, interval time.Duration) {
	response.Header().Set("Content-Type", "text/event-stream")
	flusher := response.(http.Flusher)
	for event := 0; event < events; event++ {
		if event > 0 && interval > 0 {
			time.Sleep(interval)
		}
		fmt.Fprintf(response, `data: {"id":"c","object":"chat.completion.chunk","model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"delta":{"content":" word%d"}}]}`+"\n\n", event)
		flusher.Flush()
	}
	_, _ = io.WriteString(response, `data: {"id":"c","object":"chat.completion.chunk","model":"gpt-4o-mini-2024-07-18","choices":[],"usage":{"prompt_tokens":300,"completion_tokens":100,"total_tokens":400}}`+"\n\ndata: [DONE]\n\n")
}

func header(request *http.Request, name string, otherwise int) int {
	if value, err := strconv.Atoi(request.Header.Get(name)); err == nil {
		return value
	}
	return otherwise
}

var unary = `{"id":"c","object":"chat.completion","model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":"` +
	strings.Repeat("All work and no play makes a dull benchmark. ", 40) +
	`"},"finish_reason":"stop"}],"usage":{"prompt_tokens":300,"completion_tokens":100,"total_tokens":400}}`
