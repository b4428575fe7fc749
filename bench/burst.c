/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <frameio/frameio.h>

#include "bench.h"

__thread struct burst burst;

static __thread unsigned char *memory;

static size_t round_up(size_t n, size_t multiple)
{
	return (n + multiple - 1) / multiple * multiple;
}

/* Zeroed, from one piece, so that what lies next to what is the same in each run. */
static void allocate(size_t size)
{
	free(memory);
	memory = aligned_alloc(64, size);
	if (!memory)
		die("there is no memory for %zu bytes of frames", size);
	memset(memory, 0, size);
}

void burst_set_length(size_t len)
{
	const size_t frame_room = round_up(BURST_HEADROOM + len, 64);
	unsigned int i;

	burst.len = len;
	burst.record_len = sizeof(struct frameio_hdr) + len;
	burst.stride = round_up(burst.record_len, FRAMEIO_RECORD_ALIGN);
	/* one more line than needed: distances of a power of two would share a few cache sets */
	burst.room = round_up(burst.record_len, 128) + 64;
	allocate(frame_room + BURST * burst.room + round_up(BURST * burst.stride, 64));
	burst.frame = memory + BURST_HEADROOM;
	for (i = 0; i < BURST; i++)
		burst.records[i] = memory + frame_room + i * burst.room;
	burst.row = memory + frame_room + BURST * burst.room;
	memset(burst.frame, 0xff, ETHER_ADDR_LEN);
	burst_set_type(ETHERTYPE);
	burst_refill();
}

void burst_free(void)
{
	free(memory);
	memory = NULL;
	memset(&burst, 0, sizeof(burst));
}

void burst_set_type(unsigned short type)
{
	const unsigned short network = htons(type);

	memcpy(burst.frame + offsetof(struct ether_header, ether_type), &network, sizeof(network));
}

void burst_refill(void)
{
	const struct frameio_hdr hdr = {
		.version = FRAMEIO_HDR_VERSION,
		.hdrlen = sizeof(hdr),
		.len = burst.len,
	};
	unsigned int i;

	for (i = 0; i < BURST; i++) {
		memcpy(burst.records[i], &hdr, sizeof(hdr));
		memcpy(burst.records[i] + sizeof(hdr), burst.frame, burst.len);
		memcpy(burst.row + i * burst.stride, burst.records[i], burst.record_len);
	}
}

void burst_send(int fd)
{
	unsigned int i;

	for (i = 0; i < BURST; i++)
		fail_unless(send(fd, burst.frame, burst.len, 0) == (ssize_t)burst.len, "send");
}

unsigned int burst_read(int fd, size_t len)
{
	unsigned int i;

	for (i = 0; i < BURST; i++)
		fail_unless(read(fd, burst.records[i], burst.room) == (ssize_t)len, "read");
	return BURST;
}

unsigned int burst_write(int fd, const void *record, size_t len)
{
	unsigned int i;

	for (i = 0; i < BURST; i++)
		fail_unless(write(fd, record, len) == (ssize_t)len, "write");
	return BURST;
}

unsigned int carry_frame(int from, int to)
{
	const ssize_t n = read(from, burst.records[0], burst.room);

	fail_unless(n > 0 && write(to, burst.records[0], n) == n, "read, write");
	return 1;
}

unsigned int carry_burst(int from, int to)
{
	unsigned int i;

	for (i = 0; i < BURST; i++)
		carry_frame(from, to);
	return BURST;
}

bool frame_is_ping(const unsigned char *frame)
{
	const struct ether_header *ether = (const void *)frame;

	return ether->ether_type == htons(ETHERTYPE);
}
