/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * usage: udp-tunnel NAME PEER PORT
 *
 * Joins two hosts by a tunnel: a VPN without cryptography, and so without security. Each
 * packet that the kernel sends into the L3 port NAME goes to the host PEER in a datagram,
 * to UDP port PORT, and what comes from there the kernel receives on NAME. The port is
 * opened if it exists, which takes no privilege but to be its owner, and is made otherwise.
 * On both hosts, with addresses of its own on each:
 *
 *	udp-tunnel fio0 PEER 5555 &
 *	ip address add 10.9.0.1/24 dev fio0 && ip link set fio0 mtu 1420 up
 *
 * Both sides move batches, between the same memory and two calls each:
 *
 *	FRAMEIO_READ -> sendmmsg	by one thread
 *	recvmmsg -> FRAMEIO_WRITE	by another
 *
 *	cc -pthread -o udp-tunnel udp-tunnel.c $(pkg-config --cflags --libs frameio)
 */
#define _GNU_SOURCE 1	/* sendmmsg(2), recvmmsg(2) */
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libframeio/libframeio.h>

#define NPACKETS	FRAMEIO_NFRAMES_MAX
#define PACKET_MAX	65535

static struct frameio_qp *port;
static int sock;

static void fail(const char *what, const char *name, int error)
{
	errno = -error;
	err(1, "cannot %s %s", what, name);
}

static struct frameio_qp *open_port(const char *name)
{
	const struct frameio_port_config config = { .name = name, .flags = FRAMEIO_PORT_L3 };
	struct frameio_qp *qp;
	int error = frameio_open(&qp, NULL, name, FRAMEIO_QUEUE_ANY);

	if (error == -ENODEV)
		error = frameio_create(&qp, NULL, &config);
	if (error)
		fail("open the port", name, error);
	return qp;
}

/* A socket of our own UDP port, which receives from the peer only. */
static int open_socket(const char *peer, const char *service)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *to, *own;
	int error, fd;

	error = getaddrinfo(peer, service, &hints, &to);
	if (error)
		errx(1, "cannot find the host %s or its UDP port %s: %s", peer, service,
		     gai_strerror(error));
	hints.ai_family = to->ai_family;
	hints.ai_flags = AI_PASSIVE;
	error = getaddrinfo(NULL, service, &hints, &own);
	if (error)
		errx(1, "cannot use the UDP port %s: %s", service, gai_strerror(error));
	fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, own->ai_addr, own->ai_addrlen))
		err(1, "cannot use the UDP port %s", service);
	if (connect(fd, to->ai_addr, to->ai_addrlen))
		err(1, "cannot reach the host %s", peer);
	freeaddrinfo(own);
	freeaddrinfo(to);
	return fd;
}

static struct frameio_batch *make_batch(void)
{
	struct frameio_batch *batch;
	int error = frameio_batch_alloc(&batch, NPACKETS, PACKET_MAX);

	if (error)
		fail("make", "a batch", error);
	return batch;
}

/* --- from the port to the peer --- */

static void send_all(const struct frameio_batch *batch, int n)
{
	struct mmsghdr messages[NPACKETS] = { 0 };
	struct iovec packets[NPACKETS];
	int i, sent;

	for (i = 0; i < n; i++) {
		const struct frameio_hdr *hdr = frameio_batch_hdr(batch, i);

		packets[i] = (struct iovec){ frameio_hdr_frame(hdr), hdr->len };
		messages[i].msg_hdr.msg_iov = &packets[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	/* it is as with any wire: what cannot be sent is lost */
	for (i = 0; i < n; i += sent > 0 ? sent : 1)
		sent = sendmmsg(sock, messages + i, n - i, 0);
}

static void *carry_out(void *name)
{
	struct frameio_batch *batch = make_batch();
	int n;

	while ((n = frameio_batch_read(batch, port)) > 0)
		send_all(batch, n);
	fail("read from", name, n);
	return NULL;
}

/* --- from the peer to the port --- */

/* Have datagrams arrive where a batch has its frames. */
static void point_into(struct frameio_batch *batch, struct mmsghdr *messages,
		       struct iovec *packets)
{
	int i;

	for (i = 0; i < NPACKETS; i++) {
		packets[i] = (struct iovec){ frameio_batch_reserve(batch, PACKET_MAX), PACKET_MAX };
		messages[i].msg_hdr.msg_iov = &packets[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
}

/* What others say of datagrams that were sent is told by the next call, which goes on then. */
static bool is_of_the_way(int error)
{
	return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH ||
	       error == EHOSTDOWN || error == EMSGSIZE || error == EINTR;
}

static void write_all(const struct frameio_batch *batch, int count, const char *name)
{
	uint32_t left = UINT32_MAX >> (32 - count);
	int n;

	while ((n = frameio_batch_write_some(batch, left, port))) {
		if (n == -ENODEV)
			fail("write to", name, n);
		/* those accepted, or the one that is no packet, or an interface that is down */
		for (n = n < 0 ? 1 : n; n > 0; n--)
			left &= left - 1;
	}
}

static void carry_in(const char *name)
{
	struct frameio_batch *batch = make_batch();
	struct mmsghdr messages[NPACKETS] = { 0 };
	struct iovec packets[NPACKETS];
	int i, n;

	point_into(batch, messages, packets);
	for (;;) {
		/* it waits for one, and takes as many as are there then */
		n = recvmmsg(sock, messages, NPACKETS, MSG_WAITFORONE, NULL);
		if (n < 0 && !is_of_the_way(errno))
			err(1, "cannot receive");
		for (i = 0; i < n; i++)
			frameio_batch_hdr(batch, i)->len = messages[i].msg_len;
		if (n > 0)
			write_all(batch, n, name);
	}
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int error;

	if (argc != 4)
		errx(2, "usage: %s NAME PEER PORT", argv[0]);
	sock = open_socket(argv[2], argv[3]);
	port = open_port(argv[1]);
	error = pthread_create(&thread, NULL, carry_out, argv[1]);
	if (error)
		fail("make", "a thread", -error);
	carry_in(argv[1]);
}
