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
#define PACKET_SLOTS	0x4	/* send by it */

#define BUFFER_SIZE	(64 << 20)
#define BLOCK_SIZE	16384U
#define NBLOCKS		64U
#define MAP_SIZE	((size_t)NBLOCKS * BLOCK_SIZE)

/* A frame to send has a slot; there are as many as a block has frames of the shortest. */
#define NSLOTS		128U
#define SLOT_OFFSET	TPACKET_ALIGN(sizeof(struct tpacket3_hdr))

/* How long a frame waits at most, in milliseconds, for the block to be full that it is in. */
#define RETIRE_MS	60000
#define RETIRE_LOSS_MS	10

/* The blocks of TPACKET_V3, the next one, and the frames of those that were given back. */
struct blocks {
	unsigned char *map;
	unsigned int next;
	uint64_t nframes;
};

/* Its slots for what is sent, and the next one. */
struct slots {
	unsigned char *map;
	size_t size;
	unsigned int next;
};

struct shared {
	struct blocks blocks;
	struct slots slots;
};

static int open_sender(const char *name, bool bypass)
{
	const int fd = network_open_source(name), on = 1;

	if (bypass)
		fail_unless(!setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)),
			    "PACKET_QDISC_BYPASS");
	return fd;
}

static unsigned char *map_ring(int fd, int kind, const struct tpacket_req3 *request)
{
	const size_t size = (size_t)request->tp_block_nr * request->tp_block_size;
	const int version = TPACKET_V3;
	void *map;

	if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
	    setsockopt(fd, SOL_PACKET, kind, request, sizeof(*request)))
		return NULL;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return map == MAP_FAILED ? NULL : map;
}

/* A block that is not full is given to us after a long time only: bursts fill them. */
static bool map_blocks(const struct endpoint *end, struct blocks *blocks)
{
	const struct tpacket_req3 request = {
		.tp_block_size = BLOCK_SIZE,
		.tp_block_nr = NBLOCKS,
		.tp_frame_size = 2048,
		.tp_frame_nr = MAP_SIZE / 2048,
		.tp_retire_blk_tov = end->workload == NIC_LOSS ? RETIRE_LOSS_MS : RETIRE_MS,
	};

	blocks->map = map_ring(end->in, PACKET_RX_RING, &request);
	return blocks->map;
}

static bool map_slots(const struct endpoint *end, struct slots *slots)
{
	struct tpacket_req3 request = { .tp_block_size = BLOCK_SIZE, .tp_frame_nr = NSLOTS };

	for (slots->size = 2048; slots->size < SLOT_OFFSET + burst.len; slots->size *= 2)
		;
	request.tp_frame_size = slots->size;
	request.tp_block_nr = NSLOTS * slots->size / BLOCK_SIZE;
	slots->map = map_ring(end->out, PACKET_TX_RING, &request);
	return slots->map;
}

/* A socket that receives our frames only; it is bound last, so that none comes before. */
static const char *open_receiver(struct endpoint *end)
{
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETHERTYPE),
		.sll_ifindex = if_nametoindex(IN_NAME),
	};
	struct shared *shared = end->state;
	const int size = BUFFER_SIZE;

	end->in = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	fail_unless(end->in >= 0, "a packet socket");
	if (end->path->flags & PACKET_BLOCKS && !map_blocks(end, &shared->blocks))
		return because("blocks of TPACKET_V3");
	if (end->workload != NIC_LOSS)
		fail_unless(!setsockopt(end->in, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)),
			    "SO_RCVBUFFORCE");
	fail_unless(!bind(end->in, (const void *)&address, sizeof(address)), "a packet socket");
	return NULL;
}

static const char *packet_open(struct endpoint *end)
{
	struct shared *shared = calloc(1, sizeof(*shared));

	fail_unless(shared != NULL, "TPACKET_V3");
	end->state = shared;
	if (endpoint_writes(end))
		end->out = open_sender(OUT_NAME, end->path->flags & PACKET_BYPASS);
	if (end->path->flags & PACKET_SLOTS && !map_slots(end, &shared->slots))
		return because("slots of TPACKET_V3");
	return endpoint_reads(end) ? open_receiver(end) : NULL;
}

static void packet_close(struct endpoint *end)
{
	const struct blocks *blocks = &((struct shared *)end->state)->blocks;
	const struct slots *slots = &((struct shared *)end->state)->slots;

	if (blocks->map) {
		munmap(blocks->map, MAP_SIZE);
		if (!blocks->nframes)
			die("TPACKET_V3 received no frames");
	}
	if (slots->map)
		munmap(slots->map, NSLOTS * slots->size);
	free(end->state);
}

static unsigned int packet_send(struct endpoint *end)
{
	burst_send(end->out);
	return BURST;
}

static unsigned int packet_recv(struct endpoint *end)
{
	unsigned int i;

	for (i = 0; i < BURST; i++)
		fail_unless(recv(end->in, burst.records[i], burst.room, 0) == (ssize_t)burst.len,
			    "recv");
	return i;
}

static unsigned int packet_forward(struct endpoint *end)
{
	unsigned int i;
	ssize_t n;

	for (i = 0; i < BURST; i++) {
		n = recv(end->in, burst.records[0], burst.room, 0);
		fail_unless(n == (ssize_t)burst.len &&
			    send(end->out, burst.records[0], n, 0) == n, "recv, send");
	}
	return i;
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

static void send_messages(int fd, struct messages *messages, unsigned int n)
{
	fail_unless(sendmmsg(fd, messages->hdrs, n, 0) == (int)n, "sendmmsg");
}

static unsigned int packet_sendmmsg(struct endpoint *end)
{
	const unsigned int batch = end->path->batch;
	struct messages messages;
	unsigned int i, j;

	for (i = 0; i < BURST; i += batch) {
		for (j = 0; j < batch; j++)
			fill_message(&messages, j, burst.frame, burst.len);
		send_messages(end->out, &messages, batch);
	}
	return i;
}

/* Up to a batch, behind those that there are; returns how many. */
static unsigned int receive_messages(struct endpoint *end, struct messages *messages,
				     unsigned int first)
{
	unsigned int i;
	int n;

	for (i = 0; i < end->path->batch && first + i < BURST; i++)
		fill_message(messages, i, burst.records[first + i], burst.room);
	n = recvmmsg(end->in, messages->hdrs, i, MSG_WAITFORONE, NULL);
	fail_unless(n > 0, "recvmmsg");
	return n;
}

static unsigned int packet_take_messages(struct endpoint *end)
{
	struct messages messages;

	return receive_messages(end, &messages, 0);
}

static unsigned int packet_recvmmsg(struct endpoint *end)
{
	struct messages messages;
	unsigned int i = 0;

	while (i < BURST)
		i += receive_messages(end, &messages, i);
	return i;
}

static unsigned int packet_forward_messages(struct endpoint *end)
{
	struct messages messages;
	unsigned int i, j, n;

	for (i = 0; i < BURST; i += n) {
		n = receive_messages(end, &messages, i);
		for (j = 0; j < n; j++)
			fill_message(&messages, j, burst.records[i + j], messages.hdrs[j].msg_len);
		send_messages(end->out, &messages, n);
	}
	return i;
}

/* --- TPACKET_V3 --------------------------------------------------------------------- */

static void fill_slot(struct slots *slots, const void *frame, size_t len)
{
	struct tpacket3_hdr *header = (void *)(slots->map + slots->next * slots->size);

	if (__atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE) != TP_STATUS_AVAILABLE)
		die("TPACKET_V3 has not sent a frame");
	header->tp_len = len;
	memcpy((unsigned char *)header + SLOT_OFFSET, frame, len);
	__atomic_store_n(&header->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
	slots->next = (slots->next + 1) % NSLOTS;
}

/* All slots that are filled. */
static void send_slots(int fd)
{
	fail_unless(send(fd, NULL, 0, 0) > 0, "TPACKET_V3's send");
}

static unsigned int packet_send_slots(struct endpoint *end)
{
	struct slots *slots = &((struct shared *)end->state)->slots;
	unsigned int i;

	for (i = 0; i < BURST; i++)
		fill_slot(slots, burst.frame, burst.len);
	send_slots(end->out);
	return i;
}

/* Go through a block's frames, as a program does that looks at each. Returns how many. */
static unsigned int read_block(const struct tpacket_block_desc *block, struct slots *slots)
{
	const unsigned char *frame = (const unsigned char *)block +
				     block->hdr.bh1.offset_to_first_pkt;
	unsigned int i;

	for (i = 0; i < block->hdr.bh1.num_pkts; i++) {
		const struct tpacket3_hdr *header = (const void *)frame;

		fail_unless(header->tp_len == burst.len, "TPACKET_V3");
		if (slots)
			fill_slot(slots, frame + header->tp_mac, header->tp_len);
		frame += header->tp_next_offset;
	}
	return i;
}

/* The next block, if it is full; or else NULL: its frames wait for the next burst. */
static struct tpacket_block_desc *full_block(const struct blocks *blocks)
{
	struct tpacket_block_desc *block = (void *)(blocks->map + blocks->next * BLOCK_SIZE);

	return __atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER ?
	       block : NULL;
}

static void give_back(struct blocks *blocks, struct tpacket_block_desc *block)
{
	__atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	blocks->next = (blocks->next + 1) % NBLOCKS;
}

static unsigned int packet_read_blocks(struct endpoint *end)
{
	struct blocks *blocks = &((struct shared *)end->state)->blocks;
	struct tpacket_block_desc *block;
	unsigned int n = 0;

	while ((block = full_block(blocks))) {
		n += read_block(block, NULL);
		give_back(blocks, block);
	}
	blocks->nframes += n;
	return n;
}

static unsigned int packet_forward_blocks(struct endpoint *end)
{
	struct shared *shared = end->state;
	struct tpacket_block_desc *block;
	unsigned int n = 0;

	while ((block = full_block(&shared->blocks))) {
		n += read_block(block, &shared->slots);
		give_back(&shared->blocks, block);
		send_slots(end->out);
	}
	shared->blocks.nframes += n;
	return n;
}

#define SEND	WORKLOAD(NIC_SEND)
#define RECEIVE	WORKLOAD(NIC_RECEIVE)
#define FORWARDS WORKLOAD(NIC_FORWARD)

static const struct path paths[] = {
	{ "send", SEND, 1, 0, packet_send, NULL },
	{ "send, qdisc bypass", SEND, 1, PACKET_BYPASS, packet_send, NULL },
	{ "sendmmsg", SEND, 32, 0, packet_sendmmsg, NULL },
	{ "sendmmsg, qdisc bypass", SEND, 32, PACKET_BYPASS, packet_sendmmsg, NULL },
	{ "TPACKET_V3, qdisc bypass", SEND, 32, PACKET_SLOTS | PACKET_BYPASS, packet_send_slots,
	  NULL },
	{ "recv", RECEIVE, 1, 0, packet_recv, NULL },
	{ "recvmmsg", RECEIVE, 32, 0, packet_recvmmsg, NULL },
	{ "TPACKET_V3", RECEIVE, 32, PACKET_BLOCKS, packet_read_blocks, NULL },
	{ "recv, send", FORWARDS, 1, PACKET_BYPASS, packet_forward, NULL },
	{ "recvmmsg, sendmmsg", FORWARDS, 32, PACKET_BYPASS, packet_forward_messages, NULL },
	{ "TPACKET_V3", FORWARDS, 32, PACKET_BLOCKS | PACKET_SLOTS | PACKET_BYPASS,
	  packet_forward_blocks, NULL },
	{ "recvmmsg", WORKLOAD(NIC_LOSS), 32, 0, packet_take_messages, NULL },
	{ "TPACKET_V3", WORKLOAD(NIC_LOSS), 32, PACKET_BLOCKS, packet_read_blocks, NULL },
};

const struct peer peer_packet = {
	.name = "packet",
	.paths = paths,
	.npaths = ARRAY_SIZE(paths),
	.open = packet_open,
	.close = packet_close,
};
