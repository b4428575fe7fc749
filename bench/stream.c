/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * A stream of TCP from one host to another, whose interfaces a program joins, as a VPN does
 * that has no cryptography: a thread each way.
 *
 *	sender -- bench-in 10.77.0.1 == the program == bench-out 10.77.0.2 -- receiver
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define NEAR_ADDRESS	"10.77.0.1"
#define FAR_ADDRESS	"10.77.0.2"
#define PREFIX		"/24"
#define PORT		7777

/* Bytes of a frame that an Ethernet's MTU of 1500 makes the longest. */
#define FRAME_LEN	1514
#define CHUNK		65536

/* What there is besides the sender and the receiver, the calling thread. */
struct stream {
	const struct settings *settings;
	size_t frame_len;
	int sending, receiving;
	size_t nbytes;
	bool over;
};

/* A thread that carries what comes one way, and the interface whose frames these are. */
struct carrier {
	struct endpoint end;
	struct stream *stream;
	pthread_t thread;
};

/* Takes the time that nobody needs, and knows how much that was. */
struct idler {
	struct stream *stream;
	clockid_t clock;
	pthread_t thread;
};

size_t stream_frame_len(void)
{
	return burst.len > FRAME_LEN ? burst.len : FRAME_LEN;
}

void stream_set_up(void)
{
	network_move_far(OUT_NAME);
	network_bring_up(IN_NAME);
	network_set_address(IN_NAME, NEAR_ADDRESS PREFIX);
	network_go_far();
	network_bring_up(OUT_NAME);
	network_set_address(OUT_NAME, FAR_ADDRESS PREFIX);
	network_come_back();
}

static bool is_over(const struct stream *stream)
{
	return __atomic_load_n(&stream->over, __ATOMIC_RELAXED);
}

static void start(pthread_t *thread, void *(*run)(void *), void *argument)
{
	errno = pthread_create(thread, NULL, run, argument);
	fail_unless(!errno, "pthread_create");
}

/* --- the program in the middle ------------------------------------------------------ */

static void *carry(void *argument)
{
	struct carrier *carrier = argument;

	burst_set_length(carrier->stream->frame_len);
	while (!is_over(carrier->stream))
		carrier->end.path->move(&carrier->end);
	burst_free();
	return NULL;
}

/* It may wait for a frame, so that there is one more. */
static void stop_carrier(struct carrier *carrier, const char *name)
{
	const int fd = network_open_sender(name);

	fail_unless(send(fd, burst.frame, burst.len, 0) == (ssize_t)burst.len, "send");
	pthread_join(carrier->thread, NULL);
	close(fd);
}

static void start_carriers(struct carrier *carriers, struct stream *stream,
			   const struct endpoint *end)
{
	unsigned int i;

	carriers[0].end = *end;
	carriers[1].end = *end;
	carriers[1].end.in = end->out;
	carriers[1].end.out = end->in;
	carriers[1].end.state = end->back;
	for (i = 0; i < 2; i++) {
		carriers[i].stream = stream;
		start(&carriers[i].thread, carry, &carriers[i]);
	}
}

static void stop_carriers(struct carrier *carriers)
{
	stop_carrier(&carriers[0], IN_NAME);
	network_go_far();
	stop_carrier(&carriers[1], OUT_NAME);
	network_come_back();
}

/* --- time that nobody needs ----------------------------------------------------------- */

/*
 * Where the clock counts instructions, it leaps while all sleep. So there is a thread that does
 * not, which runs while all others would sleep only; its time is subtracted.
 */
static void *idle(void *argument)
{
	const struct sched_param param = { 0 };
	struct idler *idler = argument;

	errno = pthread_setschedparam(pthread_self(), SCHED_IDLE, &param);
	fail_unless(!errno, "SCHED_IDLE");
	while (!is_over(idler->stream))
		;
	return NULL;
}

static void start_idler(struct idler *idler, struct stream *stream)
{
	idler->stream = stream;
	start(&idler->thread, idle, idler);
	errno = pthread_getcpuclockid(idler->thread, &idler->clock);
	fail_unless(!errno, "pthread_getcpuclockid");
}

/* Nanoseconds that were not idle. */
static uint64_t busy_now(const struct stream *stream, const struct idler *idler)
{
	struct timespec ts;

	if (!stream->settings->counts_instructions)
		return now();
	clock_gettime(idler->clock, &ts);
	return now() - ts.tv_sec * UINT64_C(1000000000) - ts.tv_nsec;
}

/* --- both ends ---------------------------------------------------------------------------- */

static void *send_stream(void *argument)
{
	struct stream *stream = argument;
	static char chunk[CHUNK];
	size_t sent = 0;
	ssize_t n;

	while (sent < stream->nbytes) {
		n = send(stream->sending, chunk, sizeof(chunk), 0);
		fail_unless(n > 0, "send");
		sent += n;
	}
	shutdown(stream->sending, SHUT_WR);
	return NULL;
}

/* Receive so many, or up to a chunk more; or until the end. Returns how many. */
static size_t receive_bytes(const struct stream *stream, size_t nbytes)
{
	static char chunk[CHUNK];
	size_t received = 0;
	ssize_t n;

	while (received < nbytes) {
		n = recv(stream->receiving, chunk, sizeof(chunk), 0);
		fail_unless(n >= 0, "recv");
		if (!n)
			break;
		received += n;
	}
	return received;
}

static void connect_ends(struct stream *stream)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(PORT),
		.sin_addr.s_addr = inet_addr(FAR_ADDRESS),
	};
	int listening;

	network_go_far();
	listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	network_come_back();
	fail_unless(listening >= 0 &&
		    !bind(listening, (const void *)&address, sizeof(address)) &&
		    !listen(listening, 1), "a listening socket");
	stream->sending = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fail_unless(stream->sending >= 0 &&
		    !connect(stream->sending, (const void *)&address, sizeof(address)), "connect");
	stream->receiving = accept(listening, NULL, NULL);
	fail_unless(stream->receiving >= 0, "accept");
	close(listening);
}

static unsigned int segment_size(const struct stream *stream)
{
	socklen_t len = sizeof(int);
	int size;

	fail_unless(!getsockopt(stream->sending, IPPROTO_TCP, TCP_MAXSEG, &size, &len),
		    "TCP_MAXSEG");
	return size;
}

/* Time per segment of those behind the first ones, while the stream goes on. */
static double time_stream(struct stream *stream, const struct idler *idler, unsigned int segment)
{
	const size_t warmup = WARMUP_BURSTS * BURST * segment;
	const size_t counted = (size_t)round_bursts(stream->settings) * BURST * segment;
	pthread_t sender;
	uint64_t began;
	double time;
	size_t n;

	stream->nbytes = warmup + counted + 2 * CHUNK;
	start(&sender, send_stream, stream);
	receive_bytes(stream, warmup);
	began = busy_now(stream, idler);
	n = receive_bytes(stream, counted);
	time = busy_now(stream, idler) - began;
	receive_bytes(stream, SIZE_MAX);
	pthread_join(sender, NULL);
	return time * segment / n;
}

/* At once, so that nothing of this stream meets the next one. */
static void reset(int fd)
{
	const struct linger at_once = { .l_onoff = 1 };

	fail_unless(!setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), "SO_LINGER");
	close(fd);
}

void measure_stream(const struct settings *settings, struct endpoint *end, struct result *result)
{
	struct stream stream = { .settings = settings, .frame_len = stream_frame_len() };
	struct carrier carriers[2];
	struct idler idler;

	start_carriers(carriers, &stream, end);
	if (settings->counts_instructions)
		start_idler(&idler, &stream);
	connect_ends(&stream);
	result->segment = segment_size(&stream);
	result->cost = time_stream(&stream, &idler, result->segment);
	reset(stream.sending);
	reset(stream.receiving);
	__atomic_store_n(&stream.over, true, __ATOMIC_RELAXED);
	stop_carriers(carriers);
	if (settings->counts_instructions)
		pthread_join(idler.thread, NULL);
}
