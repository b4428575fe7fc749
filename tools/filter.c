/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <ctype.h>
#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "tool.h"

/* Classic BPF: 0 leaves a frame, another value takes it. */
#define LEAVE	0
#define TAKE	0xffffffffU

/* Both lay an instruction out as the kernel does. */
_Static_assert(sizeof(struct bpf_insn) == sizeof(struct sock_filter), "instructions differ");

/* Does the program ask the kernel for what is beside a frame, as "inbound" does? */
static bool looks_beside(const struct bpf_program *program)
{
	const struct bpf_insn *insn;

	for (insn = program->bf_insns; insn < program->bf_insns + program->bf_len; insn++) {
		if (BPF_CLASS(insn->code) == BPF_LD && BPF_MODE(insn->code) == BPF_ABS &&
		    insn->k >= (uint32_t)SKF_AD_OFF)
			return true;
	}
	return false;
}

void filter_compile(struct filter *filter, const char *expression,
		    enum savefile_linktype linktype)
{
	const int dlt = linktype == SAVEFILE_RAW ? DLT_RAW : DLT_EN10MB;
	pcap_t *pcap = pcap_open_dead(dlt, SAVEFILE_SNAPLEN_MAX);

	if (!pcap)
		tool_die(TOOL_FAILED, "out of memory");
	if (pcap_compile(pcap, &filter->program, expression, 1, PCAP_NETMASK_UNKNOWN))
		tool_misused("cannot take the filter expression '%s': %s", expression,
			     pcap_geterr(pcap));
	pcap_close(pcap);
	if (looks_beside(&filter->program))
		tool_misused("cannot take the filter expression '%s': it asks for more than the bytes "
			     "of frames, such as their direction", expression);
}

void filter_free(struct filter *filter)
{
	pcap_freecode(&filter->program);
}

/* Of a word, or of a host's name. */
static bool is_of_name(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("-._", c));
}

bool filter_names_vlan(const char *expression)
{
	const char *at = expression;

	for (; (at = strstr(at, "vlan")); at += 4) {
		if ((at == expression || !is_of_name(at[-1])) && !is_of_name(at[4]))
			return true;
	}
	return false;
}

/* The kernel's ways to ask for what is beside a frame. */
static struct sock_filter load_beside(unsigned int what)
{
	return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + what);
}

/* A frame whose share is another's is left. */
static size_t put_share(struct sock_filter *to, const struct filter_share *share)
{
	const struct sock_filter insns[] = {
		load_beside(share->by_cpu ? SKF_AD_CPU : SKF_AD_RXHASH),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, share->count),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, share->index, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, LEAVE),
	};

	memcpy(to, insns, sizeof(insns));
	return sizeof(insns) / sizeof(*insns);
}

/* A frame with a tag has its answer here. */
static size_t put_tag(struct sock_filter *to, unsigned int answer)
{
	const struct sock_filter insns[] = {
		load_beside(SKF_AD_VLAN_TAG_PRESENT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, answer),
	};

	memcpy(to, insns, sizeof(insns));
	return sizeof(insns) / sizeof(*insns);
}

static size_t put_expression(struct sock_filter *to, const struct filter *filter, bool tap)
{
	const struct bpf_program *program = &filter->program;
	const size_t n = put_tag(to, tap ? TAKE : LEAVE);

	memcpy(to + n, program->bf_insns, program->bf_len * sizeof(*to));
	return n + program->bf_len;
}

/* What comes before an expression's own instructions, or in its place. */
#define PREFIX_MAX	8

int filter_install(const struct filter *filter, const struct filter_share *share, bool tap,
		   struct frameio_qp *qp)
{
	const size_t max = PREFIX_MAX + (filter ? filter->program.bf_len : 0);
	struct sock_filter *insns = calloc(max, sizeof(*insns));
	size_t n = 0;
	int err;

	if (!insns)
		return -ENOMEM;
	if (tap && share->count > 1)
		n += put_share(insns + n, share);
	if (filter)
		n += put_expression(insns + n, filter, tap);
	else if (n)
		insns[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, TAKE);
	err = n <= BPF_MAXINSNS ? frameio_set_filter(qp, insns, n) : -EINVAL;
	free(insns);
	return err;
}

bool filter_matches(const struct filter *filter, const struct savefile_frame *frame)
{
	const struct pcap_pkthdr header = { .caplen = frame->len, .len = frame->wirelen };

	return pcap_offline_filter(&filter->program, &header, frame->bytes);
}
