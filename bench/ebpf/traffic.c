/* One TLS connection over loopback, both ends on one core: a client, which is what is traced, and a server in a process of
 * its own, which is not. It is told what to do line by line on stdin and answers each line with one.
 *
 *     open                                                         a new connection
 *     exchange COUNT REQUEST RESPONSE                              COUNT times: the file is sent, the file comes back
 *     stream COUNT INTERVAL_NS REQUEST HEAD EVENT TAIL             one reply, whose event comes COUNT times
 *
 * Answers are nanoseconds of the clock, nanoseconds of the client's CPU and the client's TLS calls. It ends with an error
 * when a byte that comes back is not the one of the file.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CORE 1
#define PART_MAX 65536
#define SLEEP_LEAST_NS 100000

enum part { REQUEST, HEAD, EVENT, TAIL, PARTS };

/* What both ends know of the exchanges to come; the client writes it while the server waits for a request. */
struct plan {
	long count, interval;
	size_t size[PARTS];
	char bytes[PARTS][PART_MAX];
};

static struct plan *plan;

static void fail(const char *what)
{
	fprintf(stderr, "traffic: %s\n", what);
	exit(1);
}

static long now(clockid_t clock)
{
	struct timespec time;
	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000L + time.tv_nsec;
}

static void until(long instant)
{
	if (instant - now(CLOCK_MONOTONIC) < SLEEP_LEAST_NS)
		return;
	struct timespec time = {instant / 1000000000L, instant % 1000000000L};
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}

static void no_delay(int descriptor)
{
	int one = 1;
	setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void put(SSL *session, enum part part)
{
	if (plan->size[part] && SSL_write(session, plan->bytes[part], plan->size[part]) != (int)plan->size[part])
		fail("a write is incomplete");
}

/* Calls that it took; 0 when the other end has gone. */
static long take(SSL *session, enum part part)
{
	static char buffer[PART_MAX];
	size_t have = 0;
	long calls = 0;
	while (have < plan->size[part] || calls == 0) {
		size_t room = calls == 0 ? PART_MAX : plan->size[part] - have;
		int count = SSL_read(session, buffer + have, room);
		if (count <= 0)
			return 0;
		have += count;
		calls++;
	}
	if (have != plan->size[part] || memcmp(buffer, plan->bytes[part], have) != 0)
		fail("what came is not what was sent");
	return calls;
}

static void serve(SSL *session)
{
	while (take(session, REQUEST)) {
		long start = now(CLOCK_MONOTONIC);
		put(session, HEAD);
		for (long event = 0; plan->size[EVENT] && event < plan->count; event++) {
			until(start + event * plan->interval);
			put(session, EVENT);
		}
		put(session, TAIL);
	}
}

static void certify(SSL_CTX *context)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
	X509_set_pubkey(certificate, key);
	if (!X509_sign(certificate, key, EVP_sha256()) || !SSL_CTX_use_certificate(context, certificate) ||
	    !SSL_CTX_use_PrivateKey(context, key))
		fail("there is no certificate");
}

static void server(int listener)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_TIMERSLACK, 1);
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_num_tickets(context, 0);
	certify(context);
	for (;;) {
		int descriptor = accept(listener, NULL, NULL);
		no_delay(descriptor);
		SSL *session = SSL_new(context);
		SSL_set_fd(session, descriptor);
		if (SSL_accept(session) == 1)
			serve(session);
		SSL_free(session);
		close(descriptor);
	}
}

static SSL *opened(SSL_CTX *context, const struct sockaddr_in *address, SSL *before)
{
	if (before) {
		int descriptor = SSL_get_fd(before);
		SSL_shutdown(before);
		SSL_free(before);
		close(descriptor);
	}
	int descriptor = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(descriptor, (const struct sockaddr *)address, sizeof(*address)))
		fail("the server is not there");
	no_delay(descriptor);
	SSL *session = SSL_new(context);
	SSL_set_fd(session, descriptor);
	if (SSL_connect(session) != 1)
		fail("no TLS session");
	return session;
}

static void from_file(enum part part, const char *name)
{
	FILE *file = fopen(name, "rb");
	if (!file)
		fail("a file is not there");
	plan->size[part] = fread(plan->bytes[part], 1, PART_MAX, file);
	fclose(file);
}

static void answer(long start, long cpu, long calls)
{
	printf("%ld %ld %ld\n", now(CLOCK_MONOTONIC) - start, now(CLOCK_PROCESS_CPUTIME_ID) - cpu, calls);
}

static long taken(SSL *session, enum part part)
{
	long calls = take(session, part);
	if (!calls)
		fail("the server has gone");
	return calls;
}

int main(void)
{
	cpu_set_t core;
	CPU_ZERO(&core);
	CPU_SET(CORE, &core);
	if (sched_setaffinity(0, sizeof(core), &core))
		fail("the core cannot be chosen");
	plan = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	if (plan == MAP_FAILED || bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&address, &size))
		fail("no place to listen");
	pid_t other = fork();
	if (other == 0)
		server(listener);
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *session = NULL;
	char line[4096], name[4][1000];
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin)) {
		long calls = 0, start = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
		if (strncmp(line, "open", 4) == 0) {
			session = opened(context, &address, session);
		} else if (sscanf(line, "exchange %ld %999s %999s", &plan->count, name[0], name[1]) == 3) {
			from_file(REQUEST, name[0]);
			from_file(HEAD, name[1]);
			plan->size[EVENT] = plan->size[TAIL] = 0;
			start = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
			for (long round = 0; round < plan->count; round++) {
				put(session, REQUEST);
				calls += 1 + taken(session, HEAD);
			}
		} else if (sscanf(line, "stream %ld %ld %999s %999s %999s %999s", &plan->count, &plan->interval, name[0],
				  name[1], name[2], name[3]) == 6) {
			for (enum part part = REQUEST; part < PARTS; part++)
				from_file(part, name[part]);
			start = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
			put(session, REQUEST);
			calls = 1 + taken(session, HEAD);
			for (long event = 0; event < plan->count; event++)
				calls += taken(session, EVENT);
			calls += taken(session, TAIL);
		} else {
			fail("not understood");
		}
		answer(start, cpu, calls);
	}
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	return 0;
}
