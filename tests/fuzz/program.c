/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/*
 * Kinds of arguments: words that stand for the numbers from 0 on, and the
 * numbers that are worth trying. What is worth trying more often is there twice.
 */
struct kind {
	const char *const *words;
	unsigned int nwords;
	const uint64_t *values;
	unsigned int nvalues;
};

static const char *const name_words[NAME_COUNT] = {
	"fz0", "fz1", "fz2", "fz3", "fz%d", "control", "tun", "fifteen", "sixteen", "empty", "dot",
	"dots", "slash", "space", "colon", "percents", "lo", "bytes", "star", "nic0", "nic1", "nic2",
};
static const char *const place_words[PLACE_COUNT] = {
	"good", "unaligned", "end", "short", "readonly", "shared", "self", "null", "unmapped",
	"top", "noncanonical", "kernel", "wrap",
};
static const char *const frame_words[FRAME_COUNT] = {
	"test", "tcp4", "udp4", "tcp6", "udp6", "icmp4", "icmp6", "arp", "fragment4", "options4",
	"extended6", "ipip", "gre", "vlan", "qinq", "zero", "random",
};
static const char *const foreign_words[FOREIGN_COUNT] = { "veth", "dummy", "bridge" };
static const char *const filter_words[FILTER_COUNT] = {
	"all", "none", "ip", "length", "extension", "header", "memory", "random",
};
static const char *const netns_words[] = { "init", "first", "second" };
static const char *const open_words[] = {
	"rdwr", "rdwr|nonblock", "rdonly", "wronly", "rdonly|nonblock", "wronly|nonblock",
	"rdwr|append", "path",
};
static const char *const newlink_words[] = {
	"create|excl", "create", "change", "create|replace", "replace",
};
static const char *const sysfs_words[] = {
	"threaded", "mtu", "tx_queue_len", "gro_flush_timeout", "napi_defer_hard_irqs", "flags",
	"carrier", "group", "ifalias", "proto_down", "queues/rx-0/rps_cpus",
	"queues/tx-0/xps_cpus", "queues/tx-0/byte_queue_limits/limit_min", "queues/tx-1/xps_rxqs",
};
static const char *const ethtool_words[] = {
	"drvinfo", "link", "strings", "stats", "sset", "features", "tsinfo", "rings", "setrings",
	"channels", "setchannels", "coalesce", "dump",
};

static const uint64_t name_values[] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
	16, 17, 18, 19, 19, 19, 20, 20, 21,
};
static const uint64_t nic_values[] = {
	19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 20, 20, 20, 21, 21, 0, 1, 4, 5, 16, 8,
};
static const uint64_t peer_values[] = { 20, 20, 20, 20, 20, 20, 20, 21, 19, 0, 5, 9 };
static const uint64_t place_values[] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 4, 5, 5, 5, 6, 7, 8, 9, 10, 11, 12,
};
static const uint64_t slot_values[] = { 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 5, 6, 7 };
static const uint64_t record_values[] = { 0, 0, 0, 1, 1, 2, 3 };
static const uint64_t bool_values[] = { 0, 1 };
static const uint64_t on_values[] = { 0, 1, 1, 1 };
static const uint64_t options_values[] = {
	0, 1, 1, 1, 2, 2, 4, 4, 6, 8, 8, 12, 14, 15, 16, 16, 16, 17, 17, 31, 32, 0x80000000,
	0xffffffff,
};
static const uint64_t insns_values[] = { 0, 0, 0, 0, 0, 0, 1, 2, 64, 4095, 4096, 4097, 65535 };
static const uint64_t zero_values[] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 8, 0x80000000, 0xffffffff,
};
static const uint64_t create_flags_values[] = {
	0, 0, 0, 0, 1, 1, 2, 3, 4, 8, 12, 15, 16, 32, 34, 0x80000000, 0xffffffff,
};
static const uint64_t nqueues_values[] = {
	0, 0, 0, 1, 1, 2, 2, 4, 8, 63, 64, 65, 255, 256, 65535, 65536, 0x80000001, 0xffffffff,
};
static const uint64_t limit_values[] = {
	0, 0, 0, 1, 1, 2, 2, 3, 8, 32, 64, 1024, 65535, 65536, 65537, 0x7fffffff, 0x80000000,
	0xffffffff,
};
static const uint64_t id_values[] = { 0, 0, 1, 65534, 65534, 65535, 0x7fffffff, 0xffffffff };
static const uint64_t queue_values[] = {
	0xffffffff, 0xffffffff, 0xffffffff, 0, 0, 1, 1, 2, 3, 63, 64, 65536, 0x80000000,
};
static const uint64_t count_values[] = {
	1, 1, 2, 2, 3, 4, 8, 16, 31, 32, 32, 33, 64, 255, 256, 512, 1023, 1024, 1025, 0,
};
static const uint64_t nframes_values[] = {
	1, 1, 1, 2, 2, 3, 4, 8, 16, 31, 32, 32, 33, 64, 0x10000000, 0x20000001, 0,
};
static const uint64_t nvpf_values[] = {
	1, 1, 1, 2, 2, 2, 3, 4, 5, 7, 8, 8, 9, 16, 0x10000000, 0x80000000, 0xffffffff, 0,
};
static const uint64_t len_values[] = {
	2000, 2000, 2000, 2000, 1554, 1558, 128, 128, 100, 80, 56, 55, 54, 53, 48, 41, 40, 40, 39,
	20, 8, 1, 0, 255, 256, 257, 4095, 4096, 4097, 9040, 65535, 65536, 65575, 65593, 65594,
	131072, 262144, 0x7ffff000, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff,
	0x8000000000000000, 0xfffffffffffffff0, 0xffffffffffffffff,
};
static const uint64_t frame_len_values[] = {
	60, 60, 60, 64, 100, 128, 200, 216, 217, 256, 512, 1000, 1500, 1514, 1514, 1515, 1518, 1519,
	0, 1, 13, 14, 15, 18, 19, 20, 21, 33, 34, 39, 40, 41, 54, 3500, 3700, 4000, 4096, 8192, 9000,
	16384, 32768, 65521, 65535, 65536, 65553, 65554,
};
static const uint64_t delta_values[] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 8, 40, 4096, -1, -2, -8, -14, -40, -41, 0x7fffffff,
	0x80000000, -0x80000000ull,
};
static const uint64_t odd_values[] = { 0, 0, 0, 0, 1, 1, 2, 2, 3, 4, 8, 31, 32, 63, 1023, 1024 };
static const uint64_t flags_values[] = {
	0, 0, 0, 0, 0x10, 0x10, 0x10, 0x10, 0x20, 0x08, 0x18, 0x04, 0x0f, 0x3f, 0x40, 0x80, 0x8000,
	0xffff,
};
static const uint64_t gso_type_values[] = {
	0, 0, 0, 0, 1, 1, 1, 3, 3, 4, 4, 0x81, 0x84, 0x83, 2, 5, 6, 0x80, 0xff,
};
static const uint64_t gso_size_values[] = {
	0, 1000, 1000, 1448, 536, 8, 8, 9, 7, 16, 1, 64, 1400, 1500, 1514, 1515, 0x7fff, 0x8000,
	0xfff8, 0xffff,
};
static const uint64_t hdrlen_values[] = {
	0, 0, 14, 20, 34, 40, 42, 54, 54, 66, 74, 1, 128, 1514, 0x8000, 0xffff,
};
static const uint64_t csum_start_values[] = {
	34, 34, 34, 34, 20, 20, 54, 54, 40, 38, 42, 0, 1, 13, 14, 19, 33, 35, 58, 59, 60, 62, 100,
	1512, 1513, 1514, 3700, 5000, 0x7fff, 0x8000, 0xfffd, 0xfffe, 0xffff,
};
static const uint64_t csum_offset_values[] = {
	16, 16, 16, 16, 6, 6, 6, 0, 2, 1, 3, 26, 64, 0x7fff, 0x8000, 0xfffd, 0xfffe, 0xffff,
};
static const uint64_t tci_values[] = { 0, 1, 100, 4094, 4095, 0x1000, 0xe001, 0xffff };
static const uint64_t proto_values[] = { 0x8100, 0x8100, 0x88a8, 0, 0x0081, 0x0800, 0xffff };
static const uint64_t l3_values[] = { 0, 0, 0, 1 };
static const uint64_t size_values[] = {
	0, 0, 0, 0, 1, 8, 16, 64, 63, 65, 280, 279, 288, 4096, 16383, 19, 20, 359, 360, 361,
};
static const uint64_t dir_values[] = { 0, 1, 2, 2, 3, 3, 3 };
static const uint64_t nr_values[] = {
	0x01, 0x02, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b,
	0x00, 0x03, 0x0f, 0x1c, 0xff,
};
static const uint64_t type_values[] = { 0, 0, 0, 0, 0, 0, 0, 0x54, 0xff };
static const uint64_t version_values[] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, -1, 0x10000, 0xffffffff };
static const uint64_t rwf_values[] = { 0, 0, 0, 8, 8, 8, 1, 2, 4, 16, 9, 64, 0xffffffff };
static const uint64_t events_values[] = { 0, 1, 4, 5, 0x1f, 0x345, 0x7fff };
static const uint64_t epoll_values[] = { 1, 4, 5, 0x80000005, 0x40000001, 0x10000005, 0x2000 };
static const uint64_t us_values[] = { 0, 1, 10, 100, 100, 1000, 1000, 5000, 20000 };
static const uint64_t prot_values[] = { 0, 1, 2, 3, 3, 7 };
static const uint64_t mmap_values[] = { 0, 1, 1, 2, 3, 0x2001 };
static const uint64_t mtu_values[] = {
	0, 0, 1500, 68, 67, 1280, 1279, 9000, 1, 65521, 65522, 65535, 65536, 0x7fffffff, 0xffffffff,
};
static const uint64_t address_values[] = { 0, 0, 0, 0, 6, 5, 1, 7, 31, 0x106, 0x200 };
static const uint64_t attr_values[] = { 0, 0, 1, 2, 3, 3, 4, 4, 5, 6, 7, 8, 255, 0x4001, 0x8003 };
static const uint64_t attr_len_values[] = { 0, 0, 0, 0, 0, 0, 1, 2, 3, 5, 8, 64, 255 };
static const uint64_t attr_value_values[] = {
	0, 1, 1, 2, 3, 4, 8, 32, 64, 65, 1024, 65535, 65536, 65537, 65534, 0x7fffffff, 0xffffffff,
};
static const uint64_t number_values[] = { 0, 1, 2, 3, 100, 1000, 65536, 0x7fffffff, 0xffffffff };
static const uint64_t uid_values[] = { 0, 65534 };
/* what is xored to a byte of a struct: its offset above, the bits below */
static const uint64_t tweak_values[] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0001, 0x0101, 0x01ff, 0x0080, 0x0401, 0x0701, 0x2501, 0x0240,
	0x10ff, 0x13ff, 0x1401, 0x1780, 0x2c01, 0x3fff,
};

#define WORDS(n)	{ n##_words, ARRAY_SIZE(n##_words), NULL, 0 }
#define VALUES(n)	{ NULL, 0, n##_values, ARRAY_SIZE(n##_values) }
#define BOTH(n)		{ n##_words, ARRAY_SIZE(n##_words), n##_values, ARRAY_SIZE(n##_values) }

static const struct kind
	kind_name = BOTH(name), kind_place = BOTH(place), kind_frame = WORDS(frame),
	kind_foreign = WORDS(foreign), kind_filter = WORDS(filter),
	kind_nic = { name_words, ARRAY_SIZE(name_words), nic_values, ARRAY_SIZE(nic_values) },
	kind_peer = { name_words, ARRAY_SIZE(name_words), peer_values, ARRAY_SIZE(peer_values) },
	kind_options = VALUES(options), kind_insns = VALUES(insns),
	kind_netns = WORDS(netns), kind_open = WORDS(open), kind_newlink = WORDS(newlink),
	kind_sysfs = WORDS(sysfs), kind_ethtool = WORDS(ethtool), kind_slot = VALUES(slot),
	kind_record = VALUES(record), kind_bool = VALUES(bool), kind_on = VALUES(on),
	kind_zero = VALUES(zero), kind_create_flags = VALUES(create_flags),
	kind_nqueues = VALUES(nqueues), kind_limit = VALUES(limit), kind_id = VALUES(id),
	kind_queue = VALUES(queue), kind_count = VALUES(count), kind_nframes = VALUES(nframes),
	kind_nvpf = VALUES(nvpf), kind_len = VALUES(len), kind_frame_len = VALUES(frame_len),
	kind_delta = VALUES(delta), kind_odd = VALUES(odd), kind_flags = VALUES(flags),
	kind_gso_type = VALUES(gso_type), kind_gso_size = VALUES(gso_size),
	kind_hdrlen = VALUES(hdrlen), kind_csum_start = VALUES(csum_start),
	kind_csum_offset = VALUES(csum_offset), kind_tci = VALUES(tci), kind_proto = VALUES(proto),
	kind_l3 = VALUES(l3), kind_size = VALUES(size), kind_dir = VALUES(dir),
	kind_nr = VALUES(nr), kind_type = VALUES(type), kind_version = VALUES(version),
	kind_rwf = VALUES(rwf), kind_events = VALUES(events), kind_epoll = VALUES(epoll),
	kind_us = VALUES(us), kind_prot = VALUES(prot), kind_mmap = VALUES(mmap),
	kind_mtu = VALUES(mtu), kind_address = VALUES(address), kind_attr = VALUES(attr),
	kind_attr_len = VALUES(attr_len), kind_attr_value = VALUES(attr_value),
	kind_number = VALUES(number), kind_uid = VALUES(uid), kind_tweak = VALUES(tweak);

struct type {
	const char *name;
	unsigned int weight;	/* how often it is chosen */
	bool may_async;
	struct {
		const char *name;
		const struct kind *kind;
	} args[CALL_ARGS_MAX];
};

static const struct type types[OP_COUNT] = {
	[OP_CONTROL] = { "control", 12, false, {
		{ "slot", &kind_slot }, { "flags", &kind_open } } },
	[OP_NODE] = { "node", 8, true, {
		{ "slot", &kind_slot }, { "name", &kind_name }, { "flags", &kind_open } } },
	[OP_CLOSE] = { "close", 10, true, { { "slot", &kind_slot } } },
	[OP_DUP] = { "dup", 4, true, { { "slot", &kind_slot }, { "from", &kind_slot } } },
	[OP_CREATE] = { "create", 14, true, {
		{ "slot", &kind_slot }, { "name", &kind_name }, { "flags", &kind_create_flags },
		{ "nqueues", &kind_nqueues }, { "rlimit", &kind_limit }, { "wlimit", &kind_limit },
		{ "owner", &kind_id }, { "group", &kind_id }, { "place", &kind_place },
		{ "tweak", &kind_tweak } } },
	[OP_ATTACH] = { "attach", 10, true, {
		{ "slot", &kind_slot }, { "name", &kind_nic }, { "flags", &kind_create_flags },
		{ "nqueues", &kind_nqueues }, { "rlimit", &kind_limit }, { "wlimit", &kind_limit },
		{ "owner", &kind_id }, { "group", &kind_id }, { "place", &kind_place },
		{ "tweak", &kind_tweak } } },
	[OP_BIND] = { "bind", 10, true, {
		{ "slot", &kind_slot }, { "name", &kind_name }, { "queue", &kind_queue },
		{ "place", &kind_place }, { "tweak", &kind_tweak } } },
	[OP_DELETE] = { "delete", 6, true, {
		{ "slot", &kind_slot }, { "name", &kind_name }, { "place", &kind_place },
		{ "tweak", &kind_tweak } } },
	[OP_LIST] = { "list", 5, true, {
		{ "slot", &kind_slot }, { "count", &kind_count }, { "reserved", &kind_zero },
		{ "place", &kind_place }, { "ports", &kind_place } } },
	[OP_INFO] = { "info", 4, true, {
		{ "slot", &kind_slot }, { "size", &kind_size }, { "place", &kind_place } } },
	[OP_STATS] = { "stats", 4, true, {
		{ "slot", &kind_slot }, { "size", &kind_size }, { "place", &kind_place } } },
	[OP_LIMITS] = { "limits", 8, true, {
		{ "slot", &kind_slot }, { "read", &kind_limit }, { "write", &kind_limit },
		{ "place", &kind_place } } },
	[OP_OPTIONS] = { "options", 6, true, {
		{ "slot", &kind_slot }, { "value", &kind_options }, { "place", &kind_place } } },
	[OP_GETOPTIONS] = { "getoptions", 2, true, {
		{ "slot", &kind_slot }, { "place", &kind_place } } },
	[OP_FILTER] = { "filter", 6, true, {
		{ "slot", &kind_slot }, { "program", &kind_filter }, { "n", &kind_insns },
		{ "k", &kind_number }, { "reserved", &kind_zero }, { "place", &kind_place },
		{ "insns", &kind_place }, { "tweak", &kind_tweak } } },
	[OP_QUEUE_PAIR] = { "queue_pair", 4, true, {
		{ "slot", &kind_slot }, { "name", &kind_name }, { "queue", &kind_queue },
		{ "size", &kind_size }, { "place", &kind_place } } },
	[OP_IOCTL] = { "ioctl", 6, true, {
		{ "slot", &kind_slot }, { "dir", &kind_dir }, { "type", &kind_type },
		{ "nr", &kind_nr }, { "size", &kind_size }, { "place", &kind_place },
		{ "fill", &kind_number } } },
	[OP_RECORD] = { "record", 20, false, {
		{ "record", &kind_record }, { "frame", &kind_frame }, { "l3", &kind_l3 },
		{ "len", &kind_frame_len }, { "flags", &kind_flags },
		{ "gso_type", &kind_gso_type }, { "gso_size", &kind_gso_size },
		{ "gso_hdrlen", &kind_hdrlen }, { "csum_start", &kind_csum_start },
		{ "csum_offset", &kind_csum_offset }, { "vlan_tci", &kind_tci },
		{ "vlan_proto", &kind_proto }, { "tweak", &kind_tweak } } },
	[OP_READ] = { "read", 14, true, {
		{ "slot", &kind_slot }, { "place", &kind_place }, { "len", &kind_len } } },
	[OP_READV] = { "readv", 14, true, {
		{ "slot", &kind_slot }, { "n", &kind_count }, { "place", &kind_place },
		{ "len", &kind_len }, { "odd", &kind_odd }, { "odd_place", &kind_place },
		{ "odd_len", &kind_len }, { "rwf", &kind_rwf }, { "offset", &kind_zero } } },
	[OP_WRITE] = { "write", 18, true, {
		{ "slot", &kind_slot }, { "record", &kind_record }, { "place", &kind_place },
		{ "delta", &kind_delta } } },
	[OP_WRITEROW] = { "writerow", 14, true, {
		{ "slot", &kind_slot }, { "record", &kind_record }, { "other", &kind_record },
		{ "n", &kind_count }, { "place", &kind_place }, { "delta", &kind_delta } } },
	[OP_WRITEV] = { "writev", 18, true, {
		{ "slot", &kind_slot }, { "n", &kind_count }, { "record", &kind_record },
		{ "place", &kind_place }, { "odd", &kind_odd }, { "odd_record", &kind_record },
		{ "odd_place", &kind_place }, { "odd_delta", &kind_delta }, { "rwf", &kind_rwf },
		{ "offset", &kind_zero } } },
	[OP_FREAD] = { "fread", 16, true, {
		{ "slot", &kind_slot }, { "nframes", &kind_nframes }, { "nvpf", &kind_nvpf },
		{ "place", &kind_place }, { "len", &kind_len }, { "odd", &kind_odd },
		{ "odd_place", &kind_place }, { "odd_len", &kind_len },
		{ "version", &kind_version }, { "more", &kind_delta }, { "flags", &kind_zero },
		{ "struct", &kind_place } } },
	[OP_FWRITE] = { "fwrite", 18, true, {
		{ "slot", &kind_slot }, { "nframes", &kind_nframes }, { "nvpf", &kind_nvpf },
		{ "record", &kind_record }, { "place", &kind_place }, { "odd", &kind_odd },
		{ "odd_place", &kind_place }, { "odd_delta", &kind_delta },
		{ "version", &kind_version }, { "more", &kind_delta }, { "flags", &kind_zero },
		{ "struct", &kind_place } } },
	[OP_POLL] = { "poll", 6, true, {
		{ "slot", &kind_slot }, { "events", &kind_events }, { "us", &kind_us } } },
	[OP_EPOLL] = { "epoll", 6, true, {
		{ "slot", &kind_slot }, { "events", &kind_epoll }, { "us", &kind_us } } },
	[OP_MMAP] = { "mmap", 1, true, {
		{ "slot", &kind_slot }, { "len", &kind_len }, { "prot", &kind_prot },
		{ "flags", &kind_mmap }, { "offset", &kind_zero } } },
	[OP_NONBLOCK] = { "nonblock", 6, true, { { "slot", &kind_slot }, { "on", &kind_on } } },
	[OP_SPLICE] = { "splice", 1, true, { { "slot", &kind_slot }, { "in", &kind_bool } } },
	[OP_FORK] = { "fork", 2, false, { { "us", &kind_us } } },
	[OP_WAIT] = { "wait", 4, false, { { "us", &kind_us } } },
	[OP_SCRIBBLE] = { "scribble", 3, true, { { "us", &kind_us }, { "from", &kind_number } } },
	[OP_PROTECT] = { "protect", 3, true, { { "us", &kind_us } } },
	[OP_NEWLINK] = { "newlink", 10, true, {
		{ "name", &kind_name }, { "flags", &kind_newlink }, { "ntx", &kind_nqueues },
		{ "nrx", &kind_nqueues }, { "mtu", &kind_mtu }, { "address", &kind_address },
		{ "netns", &kind_netns }, { "attr1", &kind_attr }, { "len1", &kind_attr_len },
		{ "value1", &kind_attr_value }, { "attr2", &kind_attr }, { "len2", &kind_attr_len },
		{ "value2", &kind_attr_value }, { "tweak", &kind_tweak } } },
	[OP_FOREIGN] = { "foreign", 8, true, {
		{ "kind", &kind_foreign }, { "name", &kind_nic }, { "peer", &kind_peer },
		{ "nqueues", &kind_nqueues }, { "netns", &kind_netns } } },
	[OP_DELLINK] = { "dellink", 6, true, { { "name", &kind_name } } },
	[OP_UP] = { "up", 14, true, { { "name", &kind_name }, { "on", &kind_on } } },
	[OP_MTU] = { "mtu", 5, true, { { "name", &kind_name }, { "mtu", &kind_mtu } } },
	[OP_RENAME] = { "rename", 4, true, { { "name", &kind_name }, { "to", &kind_name } } },
	[OP_MOVE] = { "move", 5, true, { { "name", &kind_name }, { "netns", &kind_netns } } },
	[OP_SYSFS] = { "sysfs", 4, true, {
		{ "name", &kind_name }, { "file", &kind_sysfs }, { "value", &kind_number } } },
	[OP_ETHTOOL] = { "ethtool", 3, true, {
		{ "name", &kind_name }, { "command", &kind_ethtool }, { "value", &kind_number } } },
	[OP_SEND] = { "send", 18, true, {
		{ "name", &kind_name }, { "record", &kind_record }, { "n", &kind_count },
		{ "offload", &kind_bool } } },
	[OP_SETNS] = { "setns", 4, false, { { "netns", &kind_netns } } },
	[OP_UNSHARE] = { "unshare", 1, false, { { NULL, NULL } } },
	[OP_USER] = { "user", 3, false, { { "uid", &kind_uid } } },
};

unsigned int call_nargs(enum call_op op)
{
	unsigned int n = 0;

	while (n < CALL_ARGS_MAX && types[op].args[n].name)
		n++;
	return n;
}

const char *call_name(enum call_op op)
{
	return types[op].name;
}

static uint64_t kind_pick(const struct kind *kind, struct random *random)
{
	if (kind->values && (kind->words || !random_percent(random, 4)))
		return kind->values[random_below(random, kind->nvalues)];
	if (kind->words)
		return random_below(random, kind->nwords);
	/* a number of any length */
	return random_next(random) >> random_below(random, 64);
}

/* A record that a port takes, as its fields depend on one another. */
static void call_make_valid_record(struct call *call, struct random *random)
{
	static const struct {
		enum frame frame;
		uint64_t gso_type, csum_start, csum_offset;
	} kinds[] = {
		{ FRAME_TCP4, 1, 34, 16 }, { FRAME_UDP4, 3, 34, 6 }, { FRAME_TCP6, 4, 54, 16 },
		{ FRAME_UDP6, 3, 54, 6 }, { FRAME_TCP4, 0x81, 34, 16 }, { FRAME_TEST, 0, 0, 0 },
		{ FRAME_ICMP4, 0, 34, 2 }, { FRAME_TCP4, 0, 34, 16 }, { FRAME_VLAN, 0, 38, 16 },
	};
	const unsigned int i = random_below(random, ARRAY_SIZE(kinds));
	const bool l3 = random_percent(random, 25), sum = kinds[i].csum_start;
	uint64_t *args = call->args;

	memset(args + 1, 0, sizeof(call->args) - sizeof(args[0]));
	args[1] = kinds[i].frame;
	args[2] = l3;
	args[3] = random_percent(random, 60) ? 64 + random_below(random, 1436) :
		  kinds[i].gso_type ? 1500 + random_below(random, 30000) : 60;
	if (sum && random_percent(random, 70)) {
		args[4] = 0x10;
		args[5] = random_percent(random, 70) ? kinds[i].gso_type : 0;
		args[6] = args[5] ? 8 * (1 + random_below(random, 150)) : 0;
		args[7] = args[5] ? 54 : 0;
		args[8] = kinds[i].csum_start - (l3 ? 14 : 0);
		args[9] = kinds[i].csum_offset;
	}
	if (!l3 && random_percent(random, 15)) {
		args[4] |= 8;
		args[10] = random_below(random, 4096);
		args[11] = 0x8100;
	}
}

/* What a careful program would ask for, but for one argument: others hide what that does. */
static void call_make_benign(struct call *call, struct random *random)
{
	const unsigned int kept = random_below(random, CALL_ARGS_MAX);
	unsigned int i;

	for (i = 0; i < call_nargs(call->op); i++) {
		const struct kind *kind = types[call->op].args[i].kind;

		if (i == kept)
			continue;
		if (kind == &kind_place || kind == &kind_zero || kind == &kind_tweak ||
		    kind == &kind_version || kind == &kind_delta || kind == &kind_attr_len ||
		    kind == &kind_type || kind == &kind_slot || kind == &kind_name)
			call->args[i] = 0;
		else if (kind == &kind_len)
			call->args[i] = 2000;
		else if (kind == &kind_nvpf)
			call->args[i] = 1 + call->args[i] % 3;
		else if (kind == &kind_nframes || kind == &kind_count)
			call->args[i] = 1 + call->args[i] % 32;
	}
}

static void call_generate(struct call *call, struct random *random)
{
	unsigned int total = 0, choice, i;
	const struct type *type;

	for (i = 0; i < OP_COUNT; i++)
		total += types[i].weight;
	choice = random_below(random, total);
	memset(call, 0, sizeof(*call));
	while (choice >= types[call->op].weight)
		choice -= types[call->op++].weight;
	type = &types[call->op];
	for (i = 0; i < call_nargs(call->op); i++)
		call->args[i] = kind_pick(type->args[i].kind, random);
	call->async = type->may_async && random_percent(random, 15);
	if (call->op == OP_RECORD && random_percent(random, 60))
		call_make_valid_record(call, random);
	else if (random_percent(random, 65))
		call_make_benign(call, random);
}

/* Something that uses the record that @record makes. */
static void call_make_use(struct call *call, const struct call *record, struct random *random)
{
	memset(call, 0, sizeof(*call));
	switch (random_below(random, 4)) {
	case 0:
		*call = (struct call) { .op = OP_SEND, .args = { 0, record->args[0], 2, 1 } };
		break;
	case 1:
		*call = (struct call) { .op = OP_FWRITE, .args = { 0, 2, 1, record->args[0] } };
		break;
	default:
		*call = (struct call) { .op = OP_WRITE, .args = { 0, record->args[0] } };
	}
}

/* A NIC port on one end of a veth pair, the other end of which is the wire. */
static void program_generate_nic(struct program *program, struct random *random)
{
	const struct call start[] = {
		{ .op = OP_FOREIGN, .args = { FOREIGN_VETH, NAME_NIC0, NAME_NIC1 } },
		{ .op = OP_UP, .args = { NAME_NIC0, 1 } },
		{ .op = OP_UP, .args = { NAME_NIC1, 1 } },
		{ .op = OP_CONTROL },
		{ .op = OP_ATTACH, .args = { 0, NAME_NIC0, 0, random_percent(random, 40) ? 2 : 0 } },
		{ .op = OP_POLL, .args = { 0, 1 } },
		{ .op = OP_RECORD },
	};

	program->n = ARRAY_SIZE(start);
	memcpy(program->calls, start, sizeof(start));
	call_make_valid_record(&program->calls[program->n - 1], random);
	program->calls[program->n - 1].args[2] = 0;
}

/* Have a call of such a program mean its interfaces. */
static void call_aim_at_nic(struct call *call)
{
	unsigned int i;

	for (i = 0; i < call_nargs(call->op); i++)
		if (types[call->op].args[i].kind == &kind_name && !call->args[i])
			call->args[i] = call->op == OP_SEND ? NAME_NIC1 : NAME_NIC0;
}

/* What most programs need before anything interesting can happen. */
static void program_generate_start(struct program *program, struct random *random)
{
	const bool l3 = random_percent(random, 25);

	program->n = 0;
	program->calls[program->n++] = (struct call) { .op = OP_CONTROL };
	program->calls[program->n] = (struct call) { .op = OP_CREATE };
	program->calls[program->n].args[2] = l3;
	program->calls[program->n++].args[3] = random_percent(random, 40) ? 2 : 0;
	program->calls[program->n++] = (struct call) { .op = OP_UP, .args = { 0, 1 } };
	program->calls[program->n] = (struct call) { .op = OP_RECORD };
	call_make_valid_record(&program->calls[program->n], random);
	program->calls[program->n++].args[2] = l3;
	if (random_percent(random, 50))
		program->calls[program->n++] = (struct call) { .op = OP_NONBLOCK,
							       .args = { 0, 1 } };
}

void program_generate(struct program *program, struct random *random)
{
	const bool nic = random_percent(random, 40);
	struct call *call;
	unsigned int n;

	memset(program, 0, sizeof(*program));
	if (nic)
		program_generate_nic(program, random);
	else if (random_percent(random, 75))
		program_generate_start(program, random);
	for (n = 1 + random_below(random, 20); n && program->n < PROGRAM_CALLS_MAX; n--) {
		call = &program->calls[program->n++];
		call_generate(call, random);
		if (nic && random_percent(random, 85))
			call_aim_at_nic(call);
		if (call->op != OP_RECORD || program->n == PROGRAM_CALLS_MAX)
			continue;
		/* for the port that was made at the start */
		if (nic)
			call->args[2] = 0;
		else if (program->calls[1].op == OP_CREATE && random_percent(random, 85))
			call->args[2] = program->calls[1].args[2];
		call_make_use(&program->calls[program->n++], call, random);
		if (nic)
			call_aim_at_nic(&program->calls[program->n - 1]);
	}
}

void program_remove(struct program *program, unsigned int first, unsigned int n)
{
	memmove(&program->calls[first], &program->calls[first + n],
		(program->n - first - n) * sizeof(program->calls[0]));
	program->n -= n;
}

static void program_insert(struct program *program, unsigned int at, const struct call *call)
{
	if (program->n == PROGRAM_CALLS_MAX)
		return;
	memmove(&program->calls[at + 1], &program->calls[at],
		(program->n - at) * sizeof(program->calls[0]));
	program->calls[at] = *call;
	program->n++;
}

static void call_mutate(struct call *call, struct random *random)
{
	const unsigned int nargs = call_nargs(call->op);
	uint64_t *arg;
	unsigned int i;

	if (types[call->op].may_async && random_percent(random, 10))
		call->async = !call->async;
	if (!nargs)
		return;
	i = random_below(random, nargs);
	arg = &call->args[i];
	switch (random_below(random, 8)) {
	case 0:
		++*arg;
		break;
	case 1:
		--*arg;
		break;
	case 2:
		*arg ^= 1ull << random_below(random, 32);
		break;
	case 3:
		*arg = 0;
		break;
	default:
		*arg = kind_pick(types[call->op].args[i].kind, random);
	}
}

void program_mutate(struct program *program, const struct program *other, struct random *random)
{
	struct call call;
	unsigned int n, i;

	for (n = 1 + random_below(random, 4); n; n--) {
		const unsigned int choice = random_below(random, 100);

		if (choice < 30 || !program->n) {
			call_generate(&call, random);
			program_insert(program, random_below(random, program->n + 1), &call);
		} else if (choice < 40) {
			program_remove(program, random_below(random, program->n), 1);
		} else if (choice < 80) {
			call_mutate(&program->calls[random_below(random, program->n)], random);
		} else if (choice < 88) {
			/* a call again, or elsewhere */
			call = program->calls[random_below(random, program->n)];
			program_insert(program, random_below(random, program->n + 1), &call);
		} else if (other->n) {
			/* one's beginning, the other's end */
			i = random_below(random, other->n);
			program->n = random_below(random, program->n + 1);
			while (i < other->n && program->n < PROGRAM_CALLS_MAX)
				program->calls[program->n++] = other->calls[i++];
		}
	}
}

static void call_print(const struct call *call, FILE *file)
{
	unsigned int i;

	fprintf(file, "%s%s", call->async ? "& " : "", call_name(call->op));
	for (i = 0; i < call_nargs(call->op); i++) {
		const struct kind *kind = types[call->op].args[i].kind;
		const uint64_t value = call->args[i];

		if (!value)
			continue;
		fprintf(file, " %s=", types[call->op].args[i].name);
		if (value < kind->nwords)
			fputs(kind->words[value], file);
		else
			fprintf(file, value < 100000 ? "%llu" : "%#llx", (unsigned long long)value);
	}
	putc('\n', file);
}

void program_print(const struct program *program, FILE *file)
{
	unsigned int i;

	for (i = 0; i < program->n; i++)
		call_print(&program->calls[i], file);
}

static bool kind_parse(const struct kind *kind, const char *text, uint64_t *value)
{
	unsigned int i;
	char *end;

	for (i = 0; i < kind->nwords; i++) {
		if (!strcmp(kind->words[i], text)) {
			*value = i;
			return true;
		}
	}
	errno = 0;
	*value = strtoull(text, &end, 0);
	return !errno && end != text && !*end;
}

static bool call_parse_arg(struct call *call, char *word)
{
	char *value = strchr(word, '=');
	unsigned int i;

	if (!value)
		return false;
	*value++ = 0;
	for (i = 0; i < call_nargs(call->op); i++)
		if (!strcmp(types[call->op].args[i].name, word))
			return kind_parse(types[call->op].args[i].kind, value, &call->args[i]);
	return false;
}

/* The word that is wrong, or NULL. */
static const char *call_parse(struct call *call, char *line)
{
	char *save, *word = strtok_r(line, " \t\n", &save);
	unsigned int op;

	memset(call, 0, sizeof(*call));
	if (!strcmp(word, "&")) {
		call->async = true;
		word = strtok_r(NULL, " \t\n", &save);
	}
	for (op = 0; op < OP_COUNT; op++)
		if (word && !strcmp(types[op].name, word))
			break;
	if (op == OP_COUNT)
		return word ? word : "&";
	call->op = op;
	while ((word = strtok_r(NULL, " \t\n", &save)))
		if (!call_parse_arg(call, word))
			return word;
	return NULL;
}

bool program_parse(struct program *program, FILE *file, char *error, size_t size)
{
	unsigned int number = 0;
	const char *wrong;
	char line[1024];

	memset(program, 0, sizeof(*program));
	while (fgets(line, sizeof(line), file)) {
		number++;
		if (line[strspn(line, " \t\n")] == 0 || line[0] == '#')
			continue;
		wrong = program->n == PROGRAM_CALLS_MAX ? "too many calls" :
			call_parse(&program->calls[program->n], line);
		if (wrong) {
			snprintf(error, size, "line %u: %s", number, wrong);
			return false;
		}
		program->n++;
	}
	return true;
}

uint64_t program_hash(const struct program *program)
{
	uint64_t hash = program->n;
	unsigned int i, j;

	for (i = 0; i < program->n; i++) {
		const struct call *call = &program->calls[i];

		hash = random_mix(hash ^ (call->op * 2 + call->async));
		for (j = 0; j < call_nargs(call->op); j++)
			hash = random_mix(hash ^ call->args[j]);
	}
	return hash;
}
