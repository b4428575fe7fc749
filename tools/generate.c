/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <endian.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <libframeio/libframeio.h>

#include "generate.h"

/* --- sums ------------------------------------------------------------ */

/*
 * A sum is of 16-bit words as they lie in memory (RFC 1071: their byte order does not
 * matter), and of wider ones, which are the same modulo 65535. It has room for many.
 */
static uint64_t sum_bytes(const unsigned char *bytes, size_t len)
{
	uint64_t sum = 0;
	uint16_t word;

	for (; len > 1; bytes += 2, len -= 2) {
		memcpy(&word, bytes, sizeof(word));
		sum += word;
	}
	return sum;
}

static uint64_t sum_u64(uint64_t word)
{
	return (word & 0xffffffff) + (word >> 32);
}

static uint16_t fold(uint64_t sum)
{
	sum = sum_u64(sum);
	sum = sum_u64(sum);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16));
}

static void store16(unsigned char *to, uint16_t value)
{
	memcpy(to, &value, sizeof(value));
}

/* --- headers --------------------------------------------------------- */

static void append(struct generator *generator, const void *bytes, unsigned int len)
{
	memcpy(generator->headers + generator->nheaders, bytes, len);
	generator->nheaders += len;
}

static void append16(struct generator *generator, unsigned int value)
{
	const uint16_t be = htobe16(value);

	append(generator, &be, sizeof(be));
}

/*
 * Append a field, at its first value; if it has others its place is left empty, with the
 * bits @keep, which do not move.
 */
static void append_field(struct generator *generator, enum field which, unsigned int width,
			 uint16_t keep)
{
	const struct range *range = &generator->description->fields[which];
	static const unsigned char nothing[16];
	struct moving_field *field;
	unsigned int fixed;
	uint64_t first = 0;
	unsigned int i;

	if (!range->span) {
		if (width == 2)
			append16(generator, range->first[0] << 8 | range->first[1] | keep);
		else
			append(generator, range->first, width);
		return;
	}
	fixed = width > 8 ? width - 8 : 0;
	for (i = fixed; i < width; i++)
		first = first << 8 | range->first[i];
	field = &generator->fields[which];
	*field = (struct moving_field) {
		.offset = generator->nheaders + fixed,
		.width = width - fixed,
		.random = range->random,
		.first = first | keep,
		.span = range->span,
		.in_ip = which == FIELD_SRC || which == FIELD_DST,
		.in_transport = which <= FIELD_DST,
	};
	append(generator, range->first, fixed);
	append(generator, nothing, width - fixed);
}

static void append_ethernet(struct generator *generator)
{
	const struct description *description = generator->description;
	const unsigned int priority = description->pcp << 13;

	append_field(generator, FIELD_DST_MAC, 6, 0);
	append_field(generator, FIELD_SRC_MAC, 6, 0);
	if (description->ntags) {
		append16(generator, description->ntags > 1 ? ETH_P_8021AD : ETH_P_8021Q);
		append_field(generator, FIELD_VLAN, 2, priority);
	}
	if (description->ntags > 1) {
		append16(generator, ETH_P_8021Q);
		append_field(generator, FIELD_INNER_VLAN, 2, priority);
	}
	append16(generator, description->family == AF_INET6 ? ETH_P_IPV6 : ETH_P_IP);
}

static void append_ipv4(struct generator *generator)
{
	const struct description *description = generator->description;

	generator->ip = generator->nheaders;
	append16(generator, 0x4500 | description->dscp << 2);
	generator->ip_length = generator->nheaders;
	append16(generator, 0);
	append16(generator, 0);
	append16(generator, 0x4000);	/* may not be fragmented */
	append16(generator, description->ttl << 8 | description->protocol);
	generator->ip_checksum = generator->nheaders;
	append16(generator, 0);
	append_field(generator, FIELD_SRC, 4, 0);
	append_field(generator, FIELD_DST, 4, 0);
}

static void append_ipv6(struct generator *generator)
{
	const struct description *description = generator->description;

	generator->ip = generator->nheaders;
	append16(generator, 0x6000 | description->dscp << 6);
	append16(generator, 0);
	generator->ip_length = generator->nheaders;
	append16(generator, 0);
	append16(generator, description->protocol << 8 | description->ttl);
	append_field(generator, FIELD_SRC, 16, 0);
	append_field(generator, FIELD_DST, 16, 0);
}

static void append_ports(struct generator *generator)
{
	generator->transport = generator->nheaders;
	append_field(generator, FIELD_SPORT, 2, 0);
	append_field(generator, FIELD_DPORT, 2, 0);
}

static void append_udp(struct generator *generator)
{
	append_ports(generator);
	generator->udp_length = generator->nheaders;
	append16(generator, 0);
	generator->checksum = generator->nheaders;
	append16(generator, 0);
}

/* A segment in the middle of a connection. */
static void append_tcp(struct generator *generator)
{
	append_ports(generator);
	append16(generator, 0);
	append16(generator, 1);
	append16(generator, 0);
	append16(generator, 1);
	append16(generator, 0x5010);	/* 5 words of header, ACK */
	append16(generator, 0xffff);
	generator->checksum = generator->nheaders;
	append16(generator, 0);
	append16(generator, 0);
}

/* What is constant of the checksums: the rest is 0 in the headers. */
static void sum_constants(struct generator *generator)
{
	const unsigned char *headers = generator->headers;
	const bool v4 = generator->description->family == AF_INET;
	const unsigned int addresses = generator->ip + (v4 ? 12 : 8);

	if (v4)
		generator->ip_sum = sum_bytes(headers + generator->ip, 20);
	generator->transport_sum =
		sum_bytes(headers + addresses, generator->transport - addresses) +
		htobe16(generator->description->protocol) +
		sum_bytes(headers + generator->transport,
			  generator->nheaders - generator->transport);
}

/* Only those that move stay, in their order. */
static void gather_fields(struct generator *generator)
{
	unsigned int i;

	for (i = 0; i < NFIELDS; i++)
		if (generator->fields[i].width)
			generator->fields[generator->nfields++] = generator->fields[i];
}

void generator_init(struct generator *generator, const struct description *description,
		    uint16_t stream, unsigned int thread)
{
	*generator = (struct generator) {
		.description = description,
		.stream = stream,
		.random = description->seed + ((uint64_t)thread << 32),
	};
	if (description->ethernet)
		append_ethernet(generator);
	if (description->family == AF_INET6)
		append_ipv6(generator);
	else
		append_ipv4(generator);
	if (description->protocol == IPPROTO_TCP)
		append_tcp(generator);
	else
		append_udp(generator);
	sum_constants(generator);
	gather_fields(generator);
}

/* --- frames ---------------------------------------------------------- */

struct frameio_hdr *generator_record(const struct generator *generator)
{
	const uint32_t longest = describe_longest(generator->description);
	const unsigned int least = generator->nheaders + PROBE_LENGTH;
	struct frameio_hdr *record;

	record = calloc(1, sizeof(*record) + (longest > least ? longest : least));
	if (!record)
		return NULL;
	record->version = FRAMEIO_HDR_VERSION;
	record->hdrlen = sizeof(*record);
	memcpy(record + 1, generator->headers, generator->nheaders);
	return record;
}

/* A number that looks random: the next of a sequence that never repeats (splitmix64). */
static uint64_t next_random(uint64_t *state)
{
	uint64_t number = *state += 0x9e3779b97f4a7c15;

	number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
	number = (number ^ number >> 27) * 0x94d049bb133111eb;
	return number ^ number >> 31;
}

/* Up to @span, and that as well. */
static uint64_t random_up_to(uint64_t *state, uint64_t span)
{
	const uint64_t number = next_random(state);

	return span == UINT64_MAX ? number : (unsigned __int128)number * (span + 1) >> 64;
}

/* Store a value in network order; its sum. */
static uint64_t store_field(unsigned char *to, uint64_t value, unsigned int width)
{
	const uint64_t be = htobe64(value << (64 - 8 * width));

	switch (width) {
	case 2:
		memcpy(to, &be, 2);
		break;
	case 4:
		memcpy(to, &be, 4);
		break;
	case 6:
		memcpy(to, &be, 6);
		break;
	default:
		memcpy(to, &be, 8);
	}
	return sum_u64(be);
}

/* Give the moving fields their values, and add these to the sums. */
static void move_fields(struct generator *generator, unsigned char *frame, uint64_t *ip_sum,
			uint64_t *transport_sum)
{
	bool turn = true;	/* the next wheel moves afterwards */
	unsigned int i;
	uint64_t sum;

	for (i = 0; i < generator->nfields; i++) {
		struct moving_field *field = &generator->fields[i];

		if (field->random)
			field->step = random_up_to(&generator->random, field->span);
		sum = store_field(frame + field->offset, field->first + field->step, field->width);
		if (field->in_ip)
			*ip_sum += sum;
		if (field->in_transport)
			*transport_sum += sum;
		if (field->random || !turn)
			continue;
		turn = field->step == field->span;
		field->step = turn ? 0 : field->step + 1;
	}
}

static uint32_t choose_length(struct generator *generator)
{
	const struct description *description = generator->description;
	uint32_t i = generator->next_length;

	if (description->random_length) {
		i = random_up_to(&generator->random, description->nlengths - 1);
	} else {
		generator->next_length++;
		if (generator->next_length == description->nlengths)
			generator->next_length = 0;
	}
	return description->lengths[i];
}

/* Length fields, where the frame before was of another length. */
static void set_length(const struct generator *generator, struct frameio_hdr *record,
		       uint32_t len)
{
	const bool v4 = generator->description->family == AF_INET;
	unsigned char *frame = (unsigned char *)(record + 1);

	record->len = len;
	store16(frame + generator->ip_length,
		htobe16(len - (v4 ? generator->ip : generator->transport)));
	if (generator->udp_length)
		store16(frame + generator->udp_length, htobe16(len - generator->transport));
	/* of what was a probe, some may be in the frame now */
	memset(frame + generator->nheaders, 0, PROBE_LENGTH);
}

/* Returns its sum. */
static uint64_t put_probe(struct generator *generator, unsigned char *payload, uint64_t time)
{
	const uint32_t magic = htobe32(PROBE_MAGIC), sequence = htobe32(generator->sequence++);
	const uint16_t stream = htobe16(generator->stream);
	const uint64_t be_time = htobe64(time);

	memcpy(payload, &magic, sizeof(magic));
	memcpy(payload + PROBE_STREAM, &stream, sizeof(stream));
	memcpy(payload + PROBE_SEQUENCE, &sequence, sizeof(sequence));
	memcpy(payload + PROBE_TIME, &be_time, sizeof(be_time));
	return (uint64_t)magic + stream + sequence + sum_u64(be_time);
}

void generator_next(struct generator *generator, struct frameio_hdr *record, uint64_t time)
{
	unsigned char *frame = (unsigned char *)(record + 1);
	const uint32_t len = choose_length(generator);
	uint64_t transport_sum = generator->transport_sum;
	uint64_t ip_sum = generator->ip_sum;
	uint16_t checksum;

	if (record->len != len)
		set_length(generator, record, len);
	move_fields(generator, frame, &ip_sum, &transport_sum);
	/* the pseudo header has the length, and so has UDP's own */
	transport_sum += (uint64_t)htobe16(len - generator->transport) <<
			 (generator->udp_length ? 1 : 0);
	if (len >= generator->nheaders + PROBE_LENGTH)
		transport_sum += put_probe(generator, frame + generator->nheaders, time);
	checksum = fold(transport_sum);
	/* 0 says that there is none */
	if (!checksum && generator->udp_length)
		checksum = 0xffff;
	store16(frame + generator->checksum, checksum);
	if (generator->ip_checksum) {
		ip_sum += htobe16(len - generator->ip);
		store16(frame + generator->ip_checksum, fold(ip_sum));
	}
}
