/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * usage: tap-filter INTERFACE EXPRESSION
 *
 * Prints a line for each frame that an Ethernet interface receives and that a filter
 * chooses, as pcap-filter(7) has it; whoever the frames are for gets them as ever:
 *
 *	tap-filter eth0 'udp port 53'
 *
 * The kernel runs the filter, and copies what it chooses only. The interface's VLAN tags
 * are in the header and not in the frame, so that "vlan" in an expression finds none.
 *
 *	cc -o tap-filter tap-filter.c $(pkg-config --cflags --libs frameio libpcap)
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include <libframeio/libframeio.h>

#define FRAME_MAX	65535
#define ETHERNET_HEADER	14

/* libpcap lays an instruction out as the kernel does. */
_Static_assert(sizeof(struct bpf_insn) == sizeof(struct sock_filter), "instructions differ");

static void fail(const char *what, const char *name, int error)
{
	errno = -error;
	err(1, "cannot %s %s", what, name);
}

/* Nothing is copied before the first read: the filter sees every frame from then on. */
static void set_filter(struct frameio_qp *qp, const char *expression)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, FRAME_MAX);
	struct bpf_program program;
	int error;

	if (!pcap)
		errx(1, "out of memory");
	if (pcap_compile(pcap, &program, expression, 1, PCAP_NETMASK_UNKNOWN))
		errx(2, "cannot take the filter '%s': %s", expression, pcap_geterr(pcap));
	error = frameio_set_filter(qp, (const struct sock_filter *)program.bf_insns,
				   program.bf_len);
	if (error)
		fail("set the filter", expression, error);
	pcap_freecode(&program);
	pcap_close(pcap);
}

/* An interface that is a port already, or becomes one as long as this runs. */
static struct frameio_qp *open_tap(const char *name, const char *expression)
{
	const struct frameio_port_config config = { .name = name };
	struct frameio_qp *qp;
	int error = frameio_attach(&qp, NULL, &config);

	if (error == -EBUSY)
		error = frameio_open(&qp, NULL, name, FRAMEIO_QUEUE_ANY);
	if (error)
		fail("attach to", name, error);
	error = frameio_set_options(qp, FRAMEIO_O_TAP | FRAMEIO_O_TSTAMP);
	if (error)
		fail("copy the frames of", name, error);
	set_filter(qp, expression);
	return qp;
}

static void print_address(const unsigned char *address)
{
	printf(" %02x:%02x:%02x:%02x:%02x:%02x", address[0], address[1], address[2],
	       address[3], address[4], address[5]);
}

static void print_frame(const struct frameio_hdr *hdr)
{
	const unsigned char *frame = frameio_hdr_frame(hdr);

	printf("%" PRIu64 ".%09" PRIu64, (uint64_t)hdr->tstamp / 1000000000,
	       (uint64_t)hdr->tstamp % 1000000000);
	print_address(frame + 6);
	print_address(frame);
	if (hdr->flags & FRAMEIO_F_VLAN)
		printf(" vlan %u", hdr->vlan_tci & 0xfff);
	printf(" type %02x%02x, %u bytes\n", frame[12], frame[13], hdr->len);
}

int main(int argc, char **argv)
{
	struct frameio_batch *batch;
	struct frameio_qp *qp;
	int i, n;

	if (argc != 3)
		errx(2, "usage: %s INTERFACE EXPRESSION", argv[0]);
	qp = open_tap(argv[1], argv[2]);
	n = frameio_batch_alloc(&batch, FRAMEIO_NFRAMES_MAX, FRAME_MAX);
	if (n)
		fail("make a batch for", argv[1], n);
	while ((n = frameio_batch_read(batch, qp)) > 0) {
		for (i = 0; i < n; i++) {
			if (frameio_batch_hdr(batch, i)->len >= ETHERNET_HEADER)
				print_frame(frameio_batch_hdr(batch, i));
		}
		if (fflush(stdout))
			err(1, "cannot write");
	}
	fail("read from", argv[1], n);
}
