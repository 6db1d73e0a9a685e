/* A request to an LLM by an OpenSSL of its own: built in and stripped, it has no function that anybody could attach to.
 *
 *   call HOST [PROXY_PORT]   each line of standard input is a request on a new connection, through a proxy of this machine if
 *                            one is named; prints the status of each
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>

static const char body[] = "{\"model\": \"gpt-4o\", \"messages\": [{\"role\": \"user\", \"content\": \"hello\"}]}";

static int connected(const char *host, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
	if (getaddrinfo(host, port, &hints, &found))
		return -1;
	int descriptor = socket(found->ai_family, SOCK_STREAM, 0);
	if (connect(descriptor, found->ai_addr, found->ai_addrlen))
		return -1;
	freeaddrinfo(found);
	return descriptor;
}

static int tunnel(int descriptor, const char *host)
{
	char text[512];
	int length = snprintf(text, sizeof text, "CONNECT %s:443 HTTP/1.1\r\nHost: %s:443\r\n\r\n", host, host);
	if (write(descriptor, text, length) != length)
		return -1;
	return read(descriptor, text, sizeof text) > 12 && !memcmp(text + 9, "200", 3) ? 0 : -1;
}

static void call(SSL_CTX *context, const char *host, const char *proxy)
{
	int descriptor = proxy ? connected("127.0.0.1", proxy) : connected(host, "443");
	if (descriptor < 0 || (proxy && tunnel(descriptor, host))) {
		puts("unreachable");
		return;
	}
	SSL *session = SSL_new(context);
	SSL_set_fd(session, descriptor);
	SSL_set_tlsext_host_name(session, host);
	char text[4096];
	int length = snprintf(text, sizeof text,
			      "POST /v1/chat/completions HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer sk-synthetic\r\n"
			      "Content-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
			      host, sizeof body - 1, body);
	if (SSL_connect(session) != 1 || SSL_write(session, text, length) != length) {
		puts("no TLS");
	} else {
		int got = SSL_read(session, text, sizeof text);
		printf("%.3s\n", got > 12 ? text + 9 : "cut");
		while (got > 0)
			got = SSL_read(session, text, sizeof text);
	}
	SSL_free(session);
	close(descriptor);
}

int main(int count, char **words)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	char line[16];
	while (fgets(line, sizeof line, stdin)) {
		call(context, words[1], count > 2 ? words[2] : NULL);
		fflush(stdout);
	}
	return 0;
}
