/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <arpa/inet.h>
#include <endian.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "number.h"
#include "probe.h"
#include "tool.h"

/* Of a mix: its frames are sent in this order again and again. */
#define CYCLE_MAX	65536

void describe_defaults(struct description *description)
{
	*description = (struct description) {
		.protocol = IPPROTO_UDP,
		.ethernet = true,
		.ttl = 64,
		.seed = 1,
	};
}

/* --- addresses ------------------------------------------------------- */

static uint64_t load_be(const unsigned char *bytes, unsigned int width)
{
	uint64_t value = 0;

	while (width--)
		value = value << 8 | *bytes++;
	return value;
}

static void store_be(unsigned char *bytes, unsigned int width, uint64_t value)
{
	while (width--) {
		bytes[width] = value;
		value >>= 8;
	}
}

/* FIRST or FIRST-LAST. */
static bool parse_macs(const char *text, unsigned char first[6], unsigned char last[6])
{
	if (tool_parse_address(&text, first, 6) != 6)
		return false;
	memcpy(last, first, 6);
	return !*text || (*text++ == '-' && tool_parse_address(&text, last, 6) == 6 && !*text);
}

void describe_mac(struct description *description, enum field field, const char *text)
{
	struct range *range = &description->fields[field];
	unsigned char last[6];

	if (!parse_macs(text, range->first, last))
		tool_misused("%s takes an address such as 02:00:00:00:00:01, or FIRST-LAST, "
			     "not '%s'", field == FIELD_SRC_MAC ? "--src-mac" : "--dst-mac", text);
	if (load_be(last, 6) < load_be(range->first, 6))
		tool_misused("the range '%s' ends before it begins", text);
	range->span = load_be(last, 6) - load_be(range->first, 6);
	range->given = true;
}

/* One end of a range of addresses and ports; what is missing is not set. */
struct endpoint {
	int family;		/* 0: no address */
	unsigned char address[16];
	bool has_port;
	uint64_t port;
};

/* Cut "[ADDRESS]:PORT", "ADDRESS:PORT", "ADDRESS" or ":PORT" into its two; @text is changed. */
static void cut_port(char *text, const char **address, const char **port)
{
	char *colon = strrchr(text, ':');

	*address = text;
	*port = NULL;
	if (*text == '[') {
		colon = strchr(text, ']');
		if (!colon)
			return;
		*address = text + 1;
		*colon++ = '\0';
		if (!*colon)
			return;
	} else if (!colon || strchr(text, ':') != colon) {
		/* none, or IPv6's own */
		return;
	}
	if (*colon == ':') {
		*colon = '\0';
		*port = colon + 1;
	} else {
		*address = "?";
	}
}

static bool parse_endpoint(const char *text, size_t len, struct endpoint *endpoint)
{
	char copy[INET6_ADDRSTRLEN + 10];
	const char *address, *port;

	memset(endpoint, 0, sizeof(*endpoint));
	if (!len || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	cut_port(copy, &address, &port);
	if (inet_pton(AF_INET, address, endpoint->address) == 1)
		endpoint->family = AF_INET;
	else if (inet_pton(AF_INET6, address, endpoint->address) == 1)
		endpoint->family = AF_INET6;
	else if (*address)
		return false;
	if (!port)
		return endpoint->family;
	endpoint->has_port = true;
	return number_parse(&port, 65535, &endpoint->port) && !*port;
}

static bool set_address_range(struct range *range, const struct endpoint *first,
			      const struct endpoint *last)
{
	const unsigned int width = first->family == AF_INET ? 4 : 8;
	const unsigned int fixed = first->family == AF_INET ? 0 : 8;
	uint64_t low, high;

	if (last->family && (last->family != first->family ||
			     memcmp(first->address, last->address, fixed)))
		return false;
	low = load_be(first->address + fixed, width);
	high = last->family ? load_be(last->address + fixed, width) : low;
	memcpy(range->first, first->address, sizeof(range->first));
	range->span = high - low;
	range->given = true;
	return high >= low;
}

static bool set_port_range(struct range *range, const struct endpoint *first,
			   const struct endpoint *last)
{
	const uint64_t high = last->has_port ? last->port : first->port;

	store_be(range->first, 2, first->port);
	range->span = high - first->port;
	range->given = true;
	return high >= first->port;
}

void describe_address(struct description *description, enum field field, const char *text)
{
	const char *option = field == FIELD_SRC ? "--src" : "--dst";
	const char *dash = strchr(text, '-');
	struct endpoint first, last = { 0 };
	bool good = parse_endpoint(text, dash ? (size_t)(dash - text) : strlen(text), &first);

	if (good && dash)
		good = parse_endpoint(dash + 1, strlen(dash + 1), &last);
	if (good && ((last.family && !first.family) || (last.has_port && !first.has_port)))
		good = false;
	if (!good)
		tool_misused("%s takes ADDRESS[:PORT][-ADDRESS[:PORT]], with an IPv6 address that "
			     "has a port in brackets, not '%s'", option, text);
	if (first.family && description->family && description->family != first.family)
		tool_misused("'%s' is of another IP version than what was given before", text);
	if (first.family) {
		description->family = first.family;
		good = set_address_range(&description->fields[field], &first, &last);
	}
	if (first.has_port && good)
		/* the port's field comes before its address's */
		good = set_port_range(&description->fields[field - 1], &first, &last);
	if (!good)
		tool_misused("the range '%s' ends before it begins, or its ends differ in the "
			     "first 64 bits", text);
}

void describe_ipv6(struct description *description)
{
	if (description->family == AF_INET)
		tool_misused("-6 is for IPv6, and the addresses are of IPv4");
	description->family = AF_INET6;
}

void describe_vlan(struct description *description, const char *text)
{
	const char *rest = text;
	uint64_t first, last;
	struct range *range;

	for (description->ntags = 0; description->ntags < 2;) {
		if (!number_parse_range(&rest, 0, 4095, &first, &last))
			break;
		range = &description->fields[description->ntags++ ? FIELD_INNER_VLAN : FIELD_VLAN];
		store_be(range->first, 2, first);
		range->span = last - first;
		range->given = true;
		if (*rest != ',')
			break;
		rest++;
	}
	if (!description->ntags || *rest || rest[-1] == ',')
		tool_misused("--vlan takes ID[-ID], or two of these, OUTER,INNER, with IDs from 0 "
			     "to 4095, not '%s'", text);
}

/* --- lengths --------------------------------------------------------- */

struct mix {
	uint32_t length;
	uint32_t weight;
	int64_t credit;
};

static uint32_t *allocate_lengths(struct description *description, uint32_t n)
{
	free(description->lengths);
	description->lengths = tool_allocate(n, sizeof(*description->lengths));
	description->nlengths = n;
	return description->lengths;
}

/* Each length as often as its weight says, and as evenly among the others as that goes. */
static void spread_mix(struct description *description, struct mix *mix, int n, uint32_t weights)
{
	uint32_t *lengths = allocate_lengths(description, weights);
	struct mix *most;
	uint32_t i;
	int j;

	for (i = 0; i < weights; i++) {
		for (most = mix, j = 0; j < n; j++) {
			mix[j].credit += mix[j].weight;
			if (mix[j].credit > most->credit)
				most = &mix[j];
		}
		most->credit -= weights;
		lengths[i] = most->length;
	}
}

/* LENGTH:WEIGHT,...; false if it is none. */
static bool parse_mix(struct description *description, const char *text)
{
	uint64_t length, weight, weights = 0;
	struct mix mix[16] = { 0 };
	int n = 0;

	do {
		if (n == 16 || !number_parse(&text, LENGTH_MAX, &length) || *text++ != ':' ||
		    !number_parse(&text, CYCLE_MAX, &weight) || !length || !weight)
			return false;
		mix[n].length = length;
		mix[n++].weight = weight;
		weights += weight;
	} while (*text++ == ',');
	if (text[-1] || weights > CYCLE_MAX)
		return false;
	spread_mix(description, mix, n, weights);
	return true;
}

static bool parse_length_range(struct description *description, const char *text)
{
	uint64_t first, last, i;
	uint32_t *lengths;

	if (!number_parse_range(&text, 1, LENGTH_MAX, &first, &last) || *text)
		return false;
	lengths = allocate_lengths(description, last - first + 1);
	for (i = first; i <= last; i++)
		*lengths++ = i;
	return true;
}

void describe_lengths(struct description *description, const char *text)
{
	/* the simple IMIX: IPv4 packets of 40, 576 and 1500 bytes as Ethernet carries them */
	const char *mix = strcmp(text, "imix") ? text : "60:7,590:4,1514:1";

	if (!parse_length_range(description, text) && !parse_mix(description, mix))
		tool_misused("--length takes a number of bytes, FIRST-LAST, 'imix', or up to 16 of "
			     "LENGTH:WEIGHT with commas between them, not '%s'", text);
}

/* --- what is random -------------------------------------------------- */

static const struct {
	const char *name;
	enum field field;	/* NFIELDS: the length */
} names[] = {
	{ "src", FIELD_SRC }, { "sport", FIELD_SPORT },
	{ "dst", FIELD_DST }, { "dport", FIELD_DPORT },
	{ "vlan", FIELD_VLAN }, { "inner-vlan", FIELD_INNER_VLAN },
	{ "src-mac", FIELD_SRC_MAC }, { "dst-mac", FIELD_DST_MAC },
	{ "length", NFIELDS },
};

#define NNAMES	(sizeof(names) / sizeof(*names))

void describe_random(struct description *description, const char *text)
{
	size_t len, i;

	for (;; text += len + 1) {
		len = strcspn(text, ",");
		for (i = 0; i < NNAMES; i++)
			if (strlen(names[i].name) == len && !strncmp(names[i].name, text, len))
				break;
		if (i == NNAMES)
			tool_misused("--random takes src, sport, dst, dport, vlan, inner-vlan, "
				     "src-mac, dst-mac and length, with commas between them, not "
				     "'%.*s'", (int)len, text);
		if (names[i].field == NFIELDS)
			description->random_length = true;
		else
			description->fields[names[i].field].random = true;
		if (!text[len])
			return;
	}
}

/* What is to be random has more than one value, or none given and a range of its own. */
static void require_ranges(const struct description *description)
{
	size_t i;

	for (i = 0; i < NNAMES; i++) {
		const struct range *range = &description->fields[names[i].field];

		if (names[i].field == NFIELDS) {
			if (description->random_length && description->nlengths < 2)
				tool_misused("--random length takes a --length with a range or a "
					     "mix");
		} else if (range->random && !range->span) {
			tool_misused("--random %s takes a range to choose from", names[i].name);
		}
	}
}

/* --- what was not given ---------------------------------------------- */

unsigned int describe_headers(const struct description *description)
{
	return (description->ethernet ? 14 + 4 * description->ntags : 0) +
	       (description->family == AF_INET6 ? 40 : 20) +
	       (description->protocol == IPPROTO_TCP ? 20 : 8);
}

uint32_t describe_longest(const struct description *description)
{
	uint32_t longest = 0, i;

	for (i = 0; i < description->nlengths; i++)
		if (description->lengths[i] > longest)
			longest = description->lengths[i];
	return longest;
}

uint32_t describe_shortest(const struct description *description)
{
	uint32_t shortest = UINT32_MAX, i;

	for (i = 0; i < description->nlengths; i++)
		if (description->lengths[i] < shortest)
			shortest = description->lengths[i];
	return shortest;
}

/* Networks for benchmarks: RFC 2544 and RFC 5180. A random address is any in the last 16 bits. */
static void default_address(struct description *description, enum field field)
{
	struct range *range = &description->fields[field];
	const bool v6 = description->family == AF_INET6;

	if (range->given)
		return;
	if (v6)
		inet_pton(AF_INET6, field == FIELD_SRC ? "2001:2::" : "2001:2:0:1::", range->first);
	else
		inet_pton(AF_INET, field == FIELD_SRC ? "198.18.0.0" : "198.19.0.0", range->first);
	if (range->random)
		range->span = 65535;
	else
		range->first[v6 ? 15 : 3] = 1;
}

static void default_port(struct range *range)
{
	if (range->given)
		return;
	store_be(range->first, 2, range->random ? 1024 : 1234);
	if (range->random)
		range->span = 65535 - 1024;
}

static void default_lengths(struct description *description)
{
	const uint32_t least = describe_headers(description) + PROBE_LENGTH;

	_Static_assert(ETH_HLEN + 20 + 8 + PROBE_LENGTH >= ETH_ZLEN, "long enough for Ethernet");
	if (!description->lengths)
		*allocate_lengths(description, 1) = least;
}

static void require_lengths(const struct description *description)
{
	const unsigned int headers = describe_headers(description);

	if (describe_shortest(description) < headers)
		tool_misused("a frame of %u bytes has no room for its headers: --length takes %u "
			     "and more here", describe_shortest(description), headers);
	if (describe_longest(description) - (headers - (description->protocol == IPPROTO_TCP ?
							20 : 8)) > 65515)
		tool_misused("a frame of %u bytes is longer than IP allows",
			     describe_longest(description));
}

static void default_mac(struct range *range, const unsigned char mac[6])
{
	if (!range->given)
		memcpy(range->first, mac, 6);
}

void describe_complete(struct description *description, const unsigned char src_mac[6],
		       const unsigned char dst_mac[6])
{
	const struct range *fields = description->fields;

	if (!description->ethernet && (description->ntags || fields[FIELD_SRC_MAC].given ||
				       fields[FIELD_DST_MAC].given))
		tool_misused("an L3 port has packets without MAC addresses and VLAN tags: leave "
			     "out --src-mac, --dst-mac and --vlan");
	if (description->pcp && !description->ntags)
		tool_misused("--pcp is a VLAN tag's priority, and takes --vlan");
	if (!description->family)
		description->family = AF_INET;
	default_mac(&description->fields[FIELD_SRC_MAC], src_mac);
	default_mac(&description->fields[FIELD_DST_MAC], dst_mac);
	default_address(description, FIELD_SRC);
	default_address(description, FIELD_DST);
	default_port(&description->fields[FIELD_SPORT]);
	default_port(&description->fields[FIELD_DPORT]);
	default_lengths(description);
	require_ranges(description);
	require_lengths(description);
}
