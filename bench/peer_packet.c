/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* AF_PACKET: a system call for each frame, for several, or blocks of frames in shared memory. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

/* Flags of our paths */
#define PACKET_BYPASS	0x1	/* send past the queueing discipline, as AF_XDP and NIC ports do */
#define PACKET_BLOCKS	0x2	/* receive by TPACKET_V3 */

#define BUFFER_SIZE	(64 << 20)
#define BLOCK_SIZE	16384U
#define NBLOCKS		64U
#define MAP_SIZE	((size_t)NBLOCKS * BLOCK_SIZE)

/* The blocks of TPACKET_V3, the next one, and the frames of those that were given back. */
struct blocks {
	unsigned char *map;
	unsigned int next;
	uint64_t nframes;
};

static int open_sender(const char *name, bool bypass)
{
	const int fd = network_open_source(name), on = 1;

	if (bypass)
		fail_unless(!setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)),
			    "PACKET_QDISC_BYPASS");
	return fd;
}

/* A block that is not full is given to us after a long time only: bursts fill them. */
static const char *map_blocks(struct endpoint *end)
{
	struct tpacket_req3 request = {
		.tp_block_size = BLOCK_SIZE,
		.tp_block_nr = NBLOCKS,
		.tp_frame_size = 2048,
		.tp_frame_nr = MAP_SIZE / 2048,
		.tp_retire_blk_tov = 60000,
	};
	struct blocks *blocks = calloc(1, sizeof(*blocks));
	const int version = TPACKET_V3;

	fail_unless(blocks != NULL, "blocks");
	end->state = blocks;
	blocks->map = MAP_FAILED;
	if (setsockopt(end->in, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
	    setsockopt(end->in, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)))
		return because("TPACKET_V3");
	blocks->map = mmap(NULL, MAP_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, end->in, 0);
	return blocks->map == MAP_FAILED ? because("blocks of TPACKET_V3") : NULL;
}

/* A socket that receives our frames only; it is bound last, so that none comes before. */
static const char *open_receiver(struct endpoint *end)
{
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETHERTYPE),
		.sll_ifindex = if_nametoindex(IN_NAME),
	};
	const int size = BUFFER_SIZE;
	const char *why = NULL;

	end->in = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	fail_unless(end->in >= 0, "a packet socket");
	if (end->path->flags & PACKET_BLOCKS)
		why = map_blocks(end);
	if (why)
		return why;
	fail_unless(!setsockopt(end->in, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) &&
		    !bind(end->in, (const void *)&address, sizeof(address)), "a packet socket");
	return NULL;
}

static const char *packet_open(struct endpoint *end)
{
	if (endpoint_writes(end))
		end->out = open_sender(OUT_NAME, end->path->flags & PACKET_BYPASS);
	return endpoint_reads(end) ? open_receiver(end) : NULL;
}

static void packet_close(struct endpoint *end)
{
	struct blocks *blocks = end->state;

	if (!blocks)
		return;
	if (blocks->map != MAP_FAILED) {
		munmap(blocks->map, MAP_SIZE);
		if (!blocks->nframes)
			die("TPACKET_V3 received no frames");
	}
	free(blocks);
}

static void packet_send(struct endpoint *end)
{
	burst_send(end->out);
}

static void packet_recv(struct endpoint *end)
{
	unsigned int i;

	for (i = 0; i < BURST; i++)
		fail_unless(recv(end->in, burst.records[i], burst.room, 0) == (ssize_t)burst.len,
			    "recv");
}

static void packet_forward(struct endpoint *end)
{
	unsigned int i;
	ssize_t n;

	for (i = 0; i < BURST; i++) {
		n = recv(end->in, burst.records[0], burst.room, 0);
		fail_unless(n == (ssize_t)burst.len &&
			    send(end->out, burst.records[0], n, 0) == n, "recv, send");
	}
}

/* @n messages, as both calls for several have them. */
struct messages {
	struct mmsghdr hdrs[BURST];
	struct iovec iov[BURST];
};

static void fill_message(struct messages *messages, unsigned int i, void *memory, size_t len)
{
	messages->iov[i] = (struct iovec){ memory, len };
	messages->hdrs[i] = (struct mmsghdr){
		.msg_hdr = { .msg_iov = &messages->iov[i], .msg_iovlen = 1 }
	};
}

static void packet_sendmmsg(struct endpoint *end)
{
	const unsigned int batch = end->path->batch;
	struct messages messages;
	unsigned int i, j;

	for (i = 0; i < BURST; i += batch) {
		for (j = 0; j < batch; j++)
			fill_message(&messages, j, burst.frame, burst.len);
		fail_unless(sendmmsg(end->out, messages.hdrs, batch, 0) == (int)batch, "sendmmsg");
	}
}

static void receive_messages(int fd, struct messages *messages, unsigned int first, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		fill_message(messages, i, burst.records[first + i], burst.room);
	fail_unless(recvmmsg(fd, messages->hdrs, n, MSG_WAITFORONE, NULL) == (int)n, "recvmmsg");
}

static void packet_recvmmsg(struct endpoint *end)
{
	struct messages messages;
	unsigned int i;

	for (i = 0; i < BURST; i += end->path->batch)
		receive_messages(end->in, &messages, i, end->path->batch);
}

static void packet_forward_batches(struct endpoint *end)
{
	const unsigned int batch = end->path->batch;
	struct messages messages;
	unsigned int i, j;

	for (i = 0; i < BURST; i += batch) {
		receive_messages(end->in, &messages, i, batch);
		for (j = 0; j < batch; j++)
			fill_message(&messages, j, burst.records[i + j], messages.hdrs[j].msg_len);
		fail_unless(sendmmsg(end->out, messages.hdrs, batch, 0) == (int)batch, "sendmmsg");
	}
}

/* Go through a block's frames, as a program does that looks at each. Returns how many. */
static unsigned int read_block(const struct tpacket_block_desc *block)
{
	const unsigned char *frame = (const unsigned char *)block +
				     block->hdr.bh1.offset_to_first_pkt;
	unsigned int i;

	for (i = 0; i < block->hdr.bh1.num_pkts; i++) {
		const struct tpacket3_hdr *header = (const void *)frame;

		fail_unless(header->tp_len == burst.len, "TPACKET_V3");
		frame += header->tp_next_offset;
	}
	return i;
}

/* All blocks that are full; the frames of another one wait for the next burst. */
static void packet_read_blocks(struct endpoint *end)
{
	struct blocks *blocks = end->state;
	struct tpacket_block_desc *block;

	for (;;) {
		block = (void *)(blocks->map + (size_t)blocks->next * BLOCK_SIZE);
		if (!(__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) &
		      TP_STATUS_USER))
			return;
		blocks->nframes += read_block(block);
		__atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		blocks->next = (blocks->next + 1) % NBLOCKS;
	}
}

#define SEND	WORKLOAD(NIC_SEND)
#define RECEIVE	WORKLOAD(NIC_RECEIVE)

static const struct path paths[] = {
	{ "send", SEND, 1, 0, packet_send, NULL },
	{ "send, qdisc bypass", SEND, 1, PACKET_BYPASS, packet_send, NULL },
	{ "sendmmsg", SEND, 32, 0, packet_sendmmsg, NULL },
	{ "sendmmsg, qdisc bypass", SEND, 32, PACKET_BYPASS, packet_sendmmsg, NULL },
	{ "recv", RECEIVE, 1, 0, packet_recv, NULL },
	{ "recvmmsg", RECEIVE, 32, 0, packet_recvmmsg, NULL },
	{ "TPACKET_V3", RECEIVE, 32, PACKET_BLOCKS, packet_read_blocks, NULL },
	{ "recv, send", WORKLOAD(NIC_FORWARD), 1, PACKET_BYPASS, packet_forward, NULL },
	{ "recvmmsg, sendmmsg", WORKLOAD(NIC_FORWARD), 32, PACKET_BYPASS, packet_forward_batches,
	  NULL },
};

const struct peer peer_packet = {
	.name = "packet",
	.paths = paths,
	.npaths = ARRAY_SIZE(paths),
	.open = packet_open,
	.close = packet_close,
};
