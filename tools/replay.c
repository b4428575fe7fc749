/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <endian.h>
#include <linux/if_ether.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay.h"
#include "tool.h"

static pcap_t *open_capture(const char *path)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *capture;

	capture = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!capture)
		tool_die(TOOL_FAILED, "cannot read the capture '%s': %s", path, why);
	return capture;
}

static void require_link_type(pcap_t *capture, const char *path, bool ethernet)
{
	const int type = pcap_datalink(capture);
	const char *name = pcap_datalink_val_to_name(type);
	bool good = type == DLT_EN10MB;

	if (!ethernet)
		good = type == DLT_RAW || type == DLT_IPV4 || type == DLT_IPV6;
	if (!good)
		tool_die(TOOL_FAILED, "cannot replay '%s': its frames are of link type %s, and the "
			 "port takes %s", path, name ? name : "unknown",
			 ethernet ? "Ethernet frames (EN10MB)" : "IP packets (RAW)");
}

/* A record of a frame, filled up to the length that it had on the wire. */
static struct frameio_hdr *make_record(const struct pcap_pkthdr *header,
				       const unsigned char *bytes)
{
	struct frameio_hdr *record = tool_allocate(1, sizeof(*record) + header->len);

	record->version = FRAMEIO_HDR_VERSION;
	record->hdrlen = sizeof(*record);
	record->len = header->len;
	memcpy(record + 1, bytes, header->caplen < header->len ? header->caplen : header->len);
	return record;
}

static void append_frame(struct replay *replay, struct frameio_hdr *record, uint64_t time)
{
	replay->frames = tool_grow(replay->frames, replay->nframes, sizeof(*replay->frames));
	replay->frames[replay->nframes++] = (struct replay_frame) { record, time };
}

/* Time as recorded, which may have gone back meanwhile: then it stands still. */
static uint64_t recorded_time(const struct replay *replay, const struct pcap_pkthdr *header,
			      uint64_t *began)
{
	const uint64_t now = (uint64_t)header->ts.tv_sec * 1000000000 + header->ts.tv_usec;
	uint64_t before;

	if (!replay->nframes)
		*began = now;
	before = replay->nframes ? replay->frames[replay->nframes - 1].time : 0;
	return now > *began && now - *began > before ? now - *began : before;
}

/* Does the port take it? The frame is counted if not. */
static bool fits(struct replay *replay, const struct pcap_pkthdr *header,
		 const unsigned char *bytes, bool ethernet, uint32_t most)
{
	uint32_t least = ETH_HLEN;
	uint16_t ethertype;

	if (header->caplen && !ethernet)
		least = *bytes >> 4 == 4 ? 20 : *bytes >> 4 == 6 ? 40 : UINT32_MAX;
	if (!header->caplen || header->len < least) {
		replay->unfit++;
		return false;
	}
	if (ethernet && header->caplen >= ETH_HLEN) {
		memcpy(&ethertype, bytes + 12, sizeof(ethertype));
		if (ethertype == htobe16(ETH_P_8021Q) || ethertype == htobe16(ETH_P_8021AD))
			most += 4;
	}
	replay->too_long += header->len > most;
	return header->len <= most;
}

void replay_load(struct replay *replay, const char *path, bool ethernet, uint32_t most)
{
	pcap_t *capture = open_capture(path);
	struct pcap_pkthdr *header;
	const unsigned char *bytes;
	uint64_t began = 0;
	int ret;

	require_link_type(capture, path, ethernet);
	*replay = (struct replay) { .nframes = 0 };
	while ((ret = pcap_next_ex(capture, &header, &bytes)) == 1) {
		if (!fits(replay, header, bytes, ethernet, most))
			continue;
		replay->filled_up += header->caplen < header->len;
		append_frame(replay, make_record(header, bytes),
			     recorded_time(replay, header, &began));
	}
	if (ret != PCAP_ERROR_BREAK)
		snprintf(replay->damage, sizeof(replay->damage), "%s", pcap_geterr(capture));
	pcap_close(capture);
	if (replay->nframes)
		return;
	if (*replay->damage)
		tool_die(TOOL_FAILED, "cannot read the capture '%s': %s", path, replay->damage);
	tool_die(TOOL_FAILED, "the capture '%s' has no frame that the port takes: these are %s of "
		 "up to %u bytes", path, ethernet ? "frames" : "IP packets", most);
}

void replay_free(struct replay *replay)
{
	size_t i;

	for (i = 0; i < replay->nframes; i++)
		free(replay->frames[i].record);
	free(replay->frames);
	*replay = (struct replay) { .nframes = 0 };
}

double replay_due(const struct replay_position *position)
{
	return position->round_began +
	       position->replay->frames[position->next].time / position->speed;
}

/* A round begins when the one before has ended: nobody recorded what was in between. */
struct frameio_hdr *replay_next(struct replay_position *position)
{
	const double due = replay_due(position);
	struct frameio_hdr *record = position->replay->frames[position->next++].record;

	if (position->next == position->replay->nframes) {
		position->next = 0;
		position->round++;
		position->round_began = due;
	}
	return record;
}
