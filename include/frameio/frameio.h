/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * frameio - batched frame I/O between user space and the kernel: the ABI.
 *
 * This header is the whole contract between the module and a program.  It is
 * fixed-width throughout: a 32-bit program on a 64-bit kernel needs no
 * translation.  All fields are in host byte order.  frameio(4) tells the
 * story; this file is the reference.
 *
 * A file of /dev/frameio/control starts unbound and is bound to a queue pair
 * by FRAMEIO_CREATE or FRAMEIO_OPEN; a file of /dev/frameio/IFNAME is bound by
 * open(2).  A bound file moves records: by read(2), readv(2), write(2),
 * writev(2), FRAMEIO_READ and FRAMEIO_WRITE.  It stays bound until its last
 * close.  What needs a bound file gives ENOTCONN on an unbound one.
 *
 * Every call may be used from several threads on one file: records stay whole,
 * and their order between the threads is not defined.
 */
#ifndef _FRAMEIO_FRAMEIO_H
#define _FRAMEIO_FRAMEIO_H

#include <linux/types.h>
#include <linux/ioctl.h>

/* Limits, and what the kernel takes where a program leaves the choice to it. */
#define FRAMEIO_NFRAMES_MAX		32	/* frames of one FRAMEIO_READ or FRAMEIO_WRITE */
#define FRAMEIO_NVPF_MAX		8	/* vectors per frame of the same */
#define FRAMEIO_NQUEUES_MAX		64	/* queue pairs of a port */
#define FRAMEIO_LIMIT_MIN		1	/* frames a queue holds */
#define FRAMEIO_LIMIT_MAX		65536
#define FRAMEIO_LIMIT_DEFAULT		1024
#define FRAMEIO_BYTES_MAX		1073741824 /* bytes of memory a queue's frames take */
#define FRAMEIO_BYTES_DEFAULT		16777216
#define FRAMEIO_RECORD_ALIGN		8	/* where the next of a row of records starts */
#define FRAMEIO_NAMESIZE		16	/* an interface's name with its NUL (IFNAMSIZ) */

/*
 * The record: a struct frameio_hdr, then the frame.  An iovec of readv(2) and
 * writev(2) holds one; so does a frame of the ioctls.  A frame is an Ethernet
 * frame from its destination address on (L2 port; no FCS), or an IPv4 or IPv6
 * packet (L3 port).
 *
 * The kernel sets every field.  A reader finds the frame at hdrlen, not at
 * sizeof(struct frameio_hdr): a later version may append fields.
 *
 * A writer sets version, hdrlen to sizeof(struct frameio_hdr) and len, and
 * zeroes the rest.  It may leave a header as the kernel filled it, so that
 * what was read from one port can be written to another: VLAN, CSUM_PARTIAL,
 * CSUM_VALID and the gso fields are honoured; the hash, the time stamps, the
 * queue and wirelen are ignored.  A gso_type needs CSUM_PARTIAL, and lets the
 * frame be longer than the port's longest, up to 65535 bytes of packet; its
 * gso_size is not.  Refused with EINVAL: another version or hdrlen, a flag not
 * listed here, TRUNC (the frame is not whole), a reserved field that is not
 * zero, and a len that is not what follows in the vector.
 */
#define FRAMEIO_HDR_VERSION		1

#define FRAMEIO_F_TSTAMP_SW		0x0001	/* tstamp: CLOCK_REALTIME, on arrival */
#define FRAMEIO_F_TSTAMP_HW		0x0002	/* tstamp: the NIC's own clock */
#define FRAMEIO_F_HASH			0x0004	/* hash */
#define FRAMEIO_F_VLAN			0x0008	/* vlan_tci, vlan_proto: a tag beside the frame */
#define FRAMEIO_F_CSUM_PARTIAL		0x0010	/* csum_start, csum_offset: a sum to be made */
#define FRAMEIO_F_CSUM_VALID		0x0020	/* the frame's checksums were verified */
#define FRAMEIO_F_TRUNC			0x0040	/* the frame was cut; wirelen is its length */

struct frameio_hdr {
	__u8	version;	/* FRAMEIO_HDR_VERSION */
	__u8	hdrlen;		/* bytes from here to the frame */
	__u16	flags;		/* FRAMEIO_F_*: which of the fields below mean something */
	__u32	len;		/* bytes of frame that follow the header */
	__u32	wirelen;	/* bytes the frame had before truncation; == len otherwise */
	__u32	hash;		/* flow hash: equal for the frames of one flow */
	__u64	tstamp;		/* nanoseconds, of the clock that the flag names */
	__u16	vlan_tci;	/* IEEE 802.1Q: priority, DEI and VLAN id */
	__u16	vlan_proto;	/* 0x8100 or 0x88a8 */
	__u16	gso_size;	/* payload bytes of each segment */
	__u16	gso_hdrlen;	/* bytes of headers that each segment repeats */
	__u16	csum_start;	/* where to start summing, from the frame's first byte */
	__u16	csum_offset;	/* where to store the sum, from csum_start */
	__u8	gso_type;	/* VIRTIO_NET_HDR_GSO_* of linux/virtio_net.h; 0: one frame */
	__u8	reserved;	/* 0 */
	__u16	queue;		/* the queue pair it came through */
};

/*
 * FRAMEIO_READ and FRAMEIO_WRITE: up to FRAMEIO_NFRAMES_MAX records.
 *
 * Each record is scattered over, or gathered from, fio_nvpf consecutive
 * vectors, so fio_nvecs is a multiple of fio_nvpf.  The first vector of a
 * record starts with the header: fio_nvpf == 2 with a 40-byte first vector
 * keeps headers and frames apart.
 *
 * Return 0, with fio_nvecs set to the vectors used (a multiple of fio_nvpf,
 * and at least fio_nvpf) and fv_actlen of each of those to the bytes moved;
 * or -1 and errno, when nothing was moved and nothing stored.  fv_buf and
 * fv_buflen are never changed.  The file must be open for reading or writing,
 * as for read(2) and write(2) (EBADF).
 */
#define FRAMEIO_VERSION			1

struct framevec {
	__u64	fv_buf;		/* address; not 0 */
	__u64	fv_buflen;	/* bytes at fv_buf; not 0 */
	__u64	fv_actlen;	/* out: bytes of it that were used */
};

struct frameio {
	__u32	fio_version;	/* FRAMEIO_VERSION */
	__u32	fio_nvpf;	/* vectors per frame, 1 to FRAMEIO_NVPF_MAX */
	__u32	fio_nvecs;	/* in: vectors offered; out: vectors used */
	__u32	fio_flags;	/* 0 */
	struct framevec fio_vecs[];
};

/*
 * FRAMEIO_CREATE, on an unbound file: makes a virtual port in the caller's
 * network namespace and binds the file to its queue pair 0.  The port is
 * deleted at the file's last close, unless it is persistent.
 *
 * Needs CAP_NET_ADMIN in the user namespace that owns the network namespace.
 *
 * Errors: EPERM; EEXIST, the name is taken; EINVAL, a name that is no
 * interface name, a number out of range, an unknown flag, a reserved field not
 * zero; EBUSY, the file is bound already; ENOMEM.
 */
#define FRAMEIO_PORT_L3			0x0001	/* IP packets; otherwise Ethernet frames */
#define FRAMEIO_PORT_PERSIST		0x0002	/* outlives the file that created it */
#define FRAMEIO_PORT_OWNER		0x0004	/* fc_owner means something */
#define FRAMEIO_PORT_GROUP		0x0008	/* fc_group means something */
#define FRAMEIO_PORT_NIC		0x0010	/* in FRAMEIO_INFO and FRAMEIO_LIST: a NIC port */
#define FRAMEIO_PORT_STEER_CPU		0x0020	/* FRAMEIO_ATTACH: spread frames by CPU */
#define FRAMEIO_PORT_OFFLOAD		0x0040	/* leave checksums and segments to the readers */

/*
 * FRAMEIO_PORT_OFFLOAD, of a virtual port: frames are read as the stack has made them.
 * Some have CSUM_PARTIAL, and of these some a gso_type, VIRTIO_NET_HDR_GSO_TCPV4 or
 * _TCPV6, perhaps with _ECN: many TCP segments in one frame of up to FRAMEIO_OFFLOAD_MAX
 * bytes, whatever the MTU.  Such a record may be written as it is to any port of the same
 * layer whose MTU its segments fit.  What no record can tell, the kernel makes complete:
 * segments of UDP, of tunnels and of VLAN interfaces, more than 1024 of them, smaller ones
 * than 8 bytes.  Every ring must have room for two of the longest.  A reader that cuts
 * checks csum_start, gso_size and gso_hdrlen against the frame: senders choose them.
 * ethtool(8) can turn it off and on: "tso", "tx".
 */
#define FRAMEIO_OFFLOAD_MAX		65553	/* with a VLAN tag */

struct frameio_create {
	char	fc_name[FRAMEIO_NAMESIZE]; /* "fio%d" takes the first free number; out: the name */
	__u32	fc_flags;	/* FRAMEIO_PORT_* */
	__u32	fc_nqueues;	/* queue pairs, 1 to FRAMEIO_NQUEUES_MAX; 0: 1 */
	__u32	fc_read_limit;	/* frames each read queue holds; 0: the default */
	__u32	fc_write_limit;	/* frames each write queue holds; 0: the default */
	__u32	fc_owner;	/* uid that may open the port, in the caller's user namespace */
	__u32	fc_group;	/* gid that may */
	__u32	fc_ifindex;	/* out */
	__u32	fc_read_bytes;	/* bytes each read queue's frames take; 0: the default */
	__u32	fc_write_bytes;	/* likewise each write queue's */
	__u32	fc_reserved[3];	/* 0 */
};

/*
 * FRAMEIO_ATTACH, on an unbound file: makes the existing Ethernet interface fc_name of
 * the caller's network namespace a NIC port, and binds the file to its queue pair 0.
 * It is detached at the file's last close, unless it is persistent, and by
 * FRAMEIO_DELETE; the interface stays.  Takes FRAMEIO_PORT_PERSIST, _OWNER, _GROUP and
 * _STEER_CPU: of several files that read, a frame is offered first to the one whose turn
 * is the CPU that received it, instead of the one that its flow's hash chooses.
 *
 * What the interface receives is read, as far as the files' filters take it, and what
 * is written is sent, both past the protocol stack.  Who may open the port thus sees and
 * sends whatever it likes on that wire, and may make the interface promiscuous: give
 * FRAMEIO_PORT_OWNER and _GROUP with that in mind.  Frames that tc's ingress hook, XDP or
 * a VLAN interface on it take are not seen.
 *
 * Needs CAP_NET_ADMIN as FRAMEIO_CREATE does.
 * Errors: as FRAMEIO_CREATE, but for EEXIST; ENODEV, no such interface; EOPNOTSUPP, it is
 * a virtual port or not Ethernet; EBUSY, also: somebody takes what it receives already,
 * such as a bridge, a bond, macvlan, or a NIC port.
 */

/*
 * FRAMEIO_OPEN, on an unbound file: binds it to a queue pair of the port
 * fo_name in the caller's network namespace.
 *
 * May be used by the port's owner, by a member of its group, and with
 * CAP_NET_ADMIN in the user namespace that owns the network namespace.
 *
 * Errors: ENODEV, no such interface; EOPNOTSUPP, the interface is no port;
 * EACCES; EBUSY, no queue pair is free (or not that one), or the file is bound
 * already; EINVAL, a name that is no interface name, a queue the port does not
 * have, a field that must be zero.
 */
#define FRAMEIO_QUEUE_ANY		0xffffffffU

struct frameio_open {
	char	fo_name[FRAMEIO_NAMESIZE];
	__u32	fo_queue;	/* a queue pair, or FRAMEIO_QUEUE_ANY; out: the one it got */
	__u32	fo_reserved[3];	/* 0 */
};

/*
 * FRAMEIO_DELETE, on any file: deletes the virtual port fd_name of the caller's
 * network namespace, or detaches the NIC port, whoever uses it; they get ENODEV and
 * POLLHUP.
 *
 * Needs CAP_NET_ADMIN as FRAMEIO_CREATE does.
 * Errors: EPERM; ENODEV, no such interface; EOPNOTSUPP, it is no port; EINVAL, a
 * name that is no interface name, a field that must be zero.
 */
struct frameio_delete {
	char	fd_name[FRAMEIO_NAMESIZE];
	__u32	fd_reserved[4];	/* 0 */
};

/*
 * What a port is.  FRAMEIO_INFO, on a bound file, fills one for the file's
 * port; FRAMEIO_LIST, on any file, fills a row of them.
 */
struct frameio_info {
	char	fi_name[FRAMEIO_NAMESIZE];
	__u32	fi_ifindex;
	__u32	fi_flags;	/* FRAMEIO_PORT_* */
	__u32	fi_nqueues;	/* queue pairs in use, as ethtool -L has them */
	__u32	fi_nopen;	/* of them, how many a file is bound to */
	__u32	fi_queue;	/* this file's queue pair; FRAMEIO_QUEUE_ANY in a list */
	__u32	fi_read_limit;	/* frames; in a list, of queue pair 0, as the bytes below */
	__u32	fi_write_limit;
	__u32	fi_frame_min;	/* bytes of the shortest frame that may be written */
	__u32	fi_frame_max;	/* bytes of the longest that may be written, by the MTU */
	__u32	fi_owner;	/* in the caller's user namespace; ~0: nobody */
	__u32	fi_group;
	__u32	fi_nqueues_max;	/* queue pairs there can be */
	__u32	fi_read_bytes;	/* bytes of memory that the queue holds */
	__u32	fi_write_bytes;
};

/*
 * FRAMEIO_LIST, on any file: the ports of the caller's network namespace, in
 * no particular order.  Stores at most fl_count of them, of fl_size bytes each,
 * and sets fl_count to how many there are; with fl_count 0 it only counts.
 * Errors: EINVAL, an fl_size that is none of FRAMEIO_INFO_SIZE_MIN to _MAX.
 */
#define FRAMEIO_INFO_SIZE_MIN		64	/* struct frameio_info, as it was at first */
#define FRAMEIO_INFO_SIZE_MAX		4096	/* and as large as it will ever be */

struct frameio_list {
	__u64	fl_ports;	/* address of struct frameio_info[fl_count] */
	__u32	fl_count;
	__u32	fl_size;	/* sizeof(struct frameio_info), as the caller knows it */
};

/*
 * FRAMEIO_SET_LIMITS, on a bound file: how much the file's queues hold, in
 * frames and in bytes of memory; a queue is full when it reaches either.  The
 * memory is what the kernel accounts for frames: a short one takes several
 * times its length.  An empty queue takes a frame of any size.  Live: a frame
 * that waits already is never dropped.  More than the port was made with, or
 * was given by netlink or ethtool, needs CAP_NET_ADMIN in the user namespace
 * that owns the port's network namespace.
 * Errors: EINVAL, above FRAMEIO_LIMIT_MAX or FRAMEIO_BYTES_MAX; EPERM; ENODEV, more
 * than was given of a port that is gone.
 */
struct frameio_limits {
	__u32	fq_read;	/* frames; 0: leave as it is */
	__u32	fq_write;
	__u32	fq_read_bytes;	/* bytes; 0: leave as it is */
	__u32	fq_write_bytes;
};

/*
 * FRAMEIO_SET_OPTIONS and FRAMEIO_GET_OPTIONS, on a bound file: a __u32 of
 * FRAMEIO_O_*.  Errors: EINVAL, an option that this kernel does not know.
 */
#define FRAMEIO_O_TRUNC			0x0001	/* cut a frame that the buffer cannot hold */
#define FRAMEIO_O_PACKED		0x0010	/* read(2) and write(2) move rows of records */
/* On NIC ports only: */
#define FRAMEIO_O_TAP			0x0002	/* copy frames; the stack gets them, too */
#define FRAMEIO_O_PROMISC		0x0004	/* receive what others are sent as well */
#define FRAMEIO_O_TSTAMP		0x0008	/* say when each frame came */

/*
 * FRAMEIO_O_PACKED: read(2) fills its buffer with a row of records, as many as wait and
 * fit, and write(2) takes a row, of any number.  Each record starts at a multiple of
 * FRAMEIO_RECORD_ALIGN from the start of the buffer; what is between two is not looked
 * at and not changed.  read(2) returns the bytes up to the end of the last record;
 * write(2) those of the row that it accepted, to where the next record starts or, of
 * the last one, to the end of the buffer.  The buffer is in one piece: a call with
 * several vectors is refused with EINVAL.  FRAMEIO_READ and FRAMEIO_WRITE are as ever.
 */

/*
 * Rings: memory that a file's program and the kernel share, through which frames move
 * without a call for each, or for any.  FRAMEIO_RING_SETUP, on a bound file, makes a
 * read ring, a write ring, or both, once in the file's life; mmap(2) of the file, with
 * MAP_SHARED, maps them.  From then on the frames of that direction move through the
 * ring only: read(2) or write(2) and their ioctl give EBUSY.
 *
 * A ring is a page of indexes, a struct frameio_ring_page, and behind it an area of frr_size
 * bytes that is mapped twice, back to back, so that no record wraps.  It holds a row
 * of records: each starts at a multiple of FRAMEIO_RECORD_ALIGN.
 *
 * The producer and the consumer each count bytes, from 0 on and for ever: the byte
 * that a counter stands for is at counter % frr_size of the area.  The producer stores
 * its counter with release order when records are complete, the consumer when it does
 * not need them any more; each loads the other's with acquire order.  What is between
 * the consumer's and the producer's is complete records.
 *
 * Before a side sleeps it sets FRAMEIO_RING_NEED_WAKEUP in its flags, then, behind a
 * full barrier, looks at the other's counter once more.  The other one, after it has
 * stored its counter, looks at these flags behind a full barrier, and if it is set
 * wakes the sleeper: the program by FRAMEIO_KICK (or poll(2), or a write(2) of no bytes).
 * Thus a program that waits in poll(2) for frames sets it in rg_consumer_flags of its
 * read ring, and for room in rg_producer_flags of its write ring.  The kernel sets it
 *
 *  - in rg_consumer_flags of the write ring, while nobody looks at the ring: kick when
 *    records are complete;
 *  - in rg_producer_flags of the read ring, while frames wait elsewhere because it was
 *    full: kick when at most half of it is full.
 *
 * While it is clear no call is needed.  The program's sleep ends when there is a frame,
 * or when at most half of the write ring is full; without its flag POLLOUT is there when a
 * record of the longest frame fits.
 *
 * The kernel believes nothing that it finds in a ring.  A counter that cannot be, or a
 * record that is none, stops the ring for good: FRAMEIO_RING_BROKEN, EIO from
 * FRAMEIO_KICK, POLLERR.  A record that is one, but not a frame that the port takes, is
 * left out, and counted in fs_write_errors.
 */
#define FRAMEIO_RING_SIZE_MIN		4096	/* bytes of an area; and at least a page */
#define FRAMEIO_RING_SIZE_MAX		67108864
#define FRAMEIO_RING_READ_OFFSET	0x00000000ULL /* of mmap(2) */
#define FRAMEIO_RING_WRITE_OFFSET	0x80000000ULL
#define FRAMEIO_RING_IDLE_DEFAULT	1000	/* microseconds */
#define FRAMEIO_RING_IDLE_MAX		10000000

#define FRAMEIO_RING_NEED_WAKEUP	0x0001	/* in rg_producer_flags, rg_consumer_flags */
#define FRAMEIO_RING_BROKEN		0x0001	/* in rg_flags: stopped; its memory made no sense */
#define FRAMEIO_RING_GONE		0x0002	/* in rg_flags: the port is gone */

struct frameio_ring_page {
	__u64	rg_producer;	/* bytes produced; the producer's, as its flags */
	__u32	rg_producer_flags; /* FRAMEIO_RING_NEED_WAKEUP: it waits for room */
	__u32	rg_pad0[13];
	__u64	rg_consumer;	/* bytes consumed; the consumer's, as its flags */
	__u32	rg_consumer_flags; /* FRAMEIO_RING_NEED_WAKEUP: it waits for records */
	__u32	rg_pad1[13];
	__u32	rg_flags;	/* FRAMEIO_RING_BROKEN, _GONE; the kernel's */
	__u32	rg_pad2[15];
};

/*
 * FRAMEIO_RING_SETUP.  A size is a power of two from FRAMEIO_RING_SIZE_MIN, and a page,
 * to FRAMEIO_RING_SIZE_MAX, and at least twice a record of the port's longest frame; 0
 * makes no such ring.  frr_read_map and frr_write_map are the length of each whole
 * mapping.  Its memory counts against RLIMIT_MEMLOCK of the caller's user (unless the
 * caller has CAP_IPC_LOCK) and is charged to the caller's memory cgroup.  A ring larger than the
 * bytes that the port's queue was given needs CAP_NET_ADMIN as FRAMEIO_SET_LIMITS does.
 *
 * With FRAMEIO_SETUP_POLL a kernel thread, in the caller's cgroups, looks at the write
 * ring by itself, and sleeps when nothing has come for frr_idle microseconds; with
 * FRAMEIO_SETUP_CPU on the CPU frr_cpu, which the caller itself may use.
 *
 * Errors: EINVAL, a size, flag, CPU or idle time out of range, a thread without a write
 * ring, no ring at all, a reserved field not zero; EBUSY, the file has rings already;
 * EPERM; EBADF, the file is not open for reading and writing; ENOMEM, no memory, or more than
 * RLIMIT_MEMLOCK allows; ENODEV, the port is gone.
 */
#define FRAMEIO_SETUP_POLL		0x0001
#define FRAMEIO_SETUP_CPU		0x0002

struct frameio_ring_setup {
	__u32	frr_flags;	/* FRAMEIO_SETUP_* */
	__u32	frr_read_size;	/* bytes of the read ring's area; 0: none */
	__u32	frr_write_size;	/* likewise the write ring's */
	__u32	frr_idle;	/* microseconds; 0: FRAMEIO_RING_IDLE_DEFAULT */
	__u32	frr_cpu;	/* with FRAMEIO_SETUP_CPU */
	__u32	frr_reserved0;	/* 0 */
	__u64	frr_read_map;	/* out: bytes to map; 0: none */
	__u64	frr_write_map;	/* out */
	__u64	frr_reserved[3]; /* 0 */
};

/*
 * FRAMEIO_KICK, without an argument, on a file with rings: the other side of a ring is
 * to look at it.  Errors: EINVAL, the file has no rings; EIO, a ring is broken; ENETDOWN,
 * records wait in the write ring and the interface is down; ENODEV, the port is gone.
 */

/*
 * FRAMEIO_SET_FILTER, on a bound file of a NIC port: which frames it takes.  A classic
 * BPF program as SO_ATTACH_FILTER has it, which sees the frame from its first byte; 0
 * lets the frame go on to other files and the stack, any other value takes it.  One of
 * 0 instructions takes all, as in the beginning.
 * Errors: EINVAL, a program that the kernel does not accept; EOPNOTSUPP, a virtual port.
 */
struct frameio_filter {
	__u64	ff_insns;	/* address of struct sock_filter[ff_len] */
	__u16	ff_len;		/* instructions, up to 4096 */
	__u16	ff_reserved[3];	/* 0 */
};

/*
 * FRAMEIO_STATS, on a bound file: the counters of its queue pair since the
 * port was made.  In the order of a frame's way; indexed by enum frameio_mode
 * where a call's kind matters.
 */
enum frameio_mode {
	FRAMEIO_MODE_SINGLE,	/* read(2) and write(2) */
	FRAMEIO_MODE_VECTOR,	/* readv(2) and writev(2) */
	FRAMEIO_MODE_FRAMEIO,	/* FRAMEIO_READ and FRAMEIO_WRITE */
	FRAMEIO_MODE_PACKED,	/* read(2) and write(2) with FRAMEIO_O_PACKED */
	FRAMEIO_MODE_RING,	/* rings; as calls FRAMEIO_KICK, and what does the same */
	FRAMEIO_NMODES
};

struct frameio_stats {
	/* kernel to user */
	__u64	fs_read_queued;		/* frames the kernel put into the read queue */
	__u64	fs_read_queued_bytes;
	__u64	fs_read_stops;		/* times a full read queue stopped the transmit queue */
	__u64	fs_read_wakes;		/* times the transmit queue was started again */
	__u64	fs_read_drop_closed;	/* frames that found or lost their reader gone */
	__u64	fs_read_drop_invalid;	/* frames that are not IP, on an L3 port; or no record */
	__u64	fs_read_drop_nomem;
	__u64	fs_read_frames[FRAMEIO_NMODES];
	__u64	fs_read_calls[FRAMEIO_NMODES]; /* that moved at least one frame */
	__u64	fs_read_bytes;		/* of frames, headers not counted */
	__u64	fs_read_errors;		/* records that could not be copied: EMSGSIZE, EFAULT */
	/* user to kernel */
	__u64	fs_write_frames[FRAMEIO_NMODES];
	__u64	fs_write_calls[FRAMEIO_NMODES];
	__u64	fs_write_bytes;
	__u64	fs_write_errors;	/* records refused: EINVAL, EFAULT, ENOMEM, ENODEV */
	__u64	fs_write_stalls;	/* times it was full, once until half of it was free */
	__u64	fs_write_received;	/* frames handed to the kernel's receive path */
	__u64	fs_write_received_bytes;
	__u64	fs_write_drop_closed;	/* frames still queued when the port went away */
	/* of NIC ports */
	__u64	fs_read_drop_full;	/* frames that found the read queue full */
	__u64	fs_write_drop_invalid;	/* frames that cannot be made what the driver takes */
};

/*
 * FRAMEIO_QUEUE_PAIR, on any file: what a queue pair of the port fp_name in the caller's
 * network namespace is doing, and its counters.  Anybody may ask, as of any interface.
 * Errors: ENODEV, no such interface; EOPNOTSUPP, the interface is no port; EINVAL, a name
 * that is no interface name, or a queue pair that the port does not have.
 */
#define FRAMEIO_QP_READ_STOPPED		0x0001	/* full: the kernel waits until half is free */
#define FRAMEIO_QP_WRITE_STALLED	0x0002	/* full: a writer does */
#define FRAMEIO_QP_READ_RING		0x0004	/* a ring, of whose bytes these tell */
#define FRAMEIO_QP_WRITE_RING		0x0008

struct frameio_queue_pair {
	char	fp_name[FRAMEIO_NAMESIZE];
	__u32	fp_queue;	/* which */
	__u32	fp_open;	/* out, as all that follow: 1 if a file is bound to it */
	__u32	fp_mode;	/* enum frameio_mode, of its last use; FRAMEIO_NMODES: none */
	__u32	fp_read_len;	/* frames in the read queue now */
	__u32	fp_read_limit;	/* and how many it holds */
	__u32	fp_read_bytes;	/* likewise in bytes of memory */
	__u32	fp_write_len;	/* the same of the write queue */
	__u32	fp_write_limit;
	__u32	fp_write_bytes;
	__u32	fp_flags;	/* FRAMEIO_QP_* */
	__u32	fp_read_used;	/* of fp_read_bytes, now; of a ring, what is not consumed yet */
	__u32	fp_write_used;	/* and of fp_write_bytes */
	struct frameio_stats fp_stats;
};

#define FRAMEIO_IOC			0xFB
#define FRAMEIO_READ			_IOWR(FRAMEIO_IOC, 0x01, struct frameio)
#define FRAMEIO_WRITE			_IOWR(FRAMEIO_IOC, 0x02, struct frameio)
#define FRAMEIO_CREATE			_IOWR(FRAMEIO_IOC, 0x10, struct frameio_create)
#define FRAMEIO_OPEN			_IOWR(FRAMEIO_IOC, 0x11, struct frameio_open)
#define FRAMEIO_DELETE			_IOW(FRAMEIO_IOC, 0x12, struct frameio_delete)
#define FRAMEIO_LIST			_IOWR(FRAMEIO_IOC, 0x13, struct frameio_list)
#define FRAMEIO_INFO			_IOR(FRAMEIO_IOC, 0x14, struct frameio_info)
#define FRAMEIO_SET_LIMITS		_IOW(FRAMEIO_IOC, 0x15, struct frameio_limits)
#define FRAMEIO_SET_OPTIONS		_IOW(FRAMEIO_IOC, 0x16, __u32)
#define FRAMEIO_GET_OPTIONS		_IOR(FRAMEIO_IOC, 0x17, __u32)
#define FRAMEIO_STATS			_IOR(FRAMEIO_IOC, 0x18, struct frameio_stats)
#define FRAMEIO_ATTACH			_IOWR(FRAMEIO_IOC, 0x19, struct frameio_create)
#define FRAMEIO_SET_FILTER		_IOW(FRAMEIO_IOC, 0x1a, struct frameio_filter)
#define FRAMEIO_QUEUE_PAIR		_IOWR(FRAMEIO_IOC, 0x1b, struct frameio_queue_pair)
#define FRAMEIO_RING_SETUP		_IOWR(FRAMEIO_IOC, 0x1c, struct frameio_ring_setup)
#define FRAMEIO_KICK			_IO(FRAMEIO_IOC, 0x1d)

/* Netlink: the attributes of an "ip link" of type "frameio" (IFLA_INFO_DATA). */
enum {
	IFLA_FRAMEIO_UNSPEC,
	IFLA_FRAMEIO_FLAGS,		/* u32: FRAMEIO_PORT_L3, _OFFLOAD (at creation only) */
					/*      and _PERSIST */
	IFLA_FRAMEIO_NQUEUES,		/* u32: queue pairs in use, up to numtxqueues */
	IFLA_FRAMEIO_READ_LIMIT,	/* u32: frames each queue holds, as the administrator */
	IFLA_FRAMEIO_WRITE_LIMIT,	/*      gave it */
	IFLA_FRAMEIO_OWNER,		/* u32: uid; set at creation only */
	IFLA_FRAMEIO_GROUP,		/* u32: gid; set at creation only */
	IFLA_FRAMEIO_READ_BYTES,	/* u32: bytes of memory that each queue holds */
	IFLA_FRAMEIO_WRITE_BYTES,
	IFLA_FRAMEIO_NOPEN,		/* u32: queue pairs that a file is bound to; read only */
	__IFLA_FRAMEIO_MAX
};

#define IFLA_FRAMEIO_MAX		(__IFLA_FRAMEIO_MAX - 1)

/*
 * RTM_GETSTATS with the filter IFLA_STATS_LINK_XSTATS: in IFLA_STATS_LINK_XSTATS, one
 * of these for each queue pair in use. An RTM_NEWLINK has no room for 64 of them: who
 * lists interfaces may offer no more than a page for each. The number is none of
 * LINK_XSTATS_TYPE_*.
 */
#define IFLA_FRAMEIO_QUEUE		256

enum {
	IFLA_FRAMEIO_QUEUE_UNSPEC,
	IFLA_FRAMEIO_QUEUE_INDEX,	/* u32 */
	IFLA_FRAMEIO_QUEUE_OPEN,	/* u32: 1 if a file is bound to it */
	IFLA_FRAMEIO_QUEUE_MODE,	/* string: how it was last used: none, readwrite, */
					/*         frameio, packed, ring */
	IFLA_FRAMEIO_QUEUE_READ_LEN,	/* u32: frames in the read queue now */
	IFLA_FRAMEIO_QUEUE_READ_LIMIT,	/* u32: and how many it holds */
	IFLA_FRAMEIO_QUEUE_READ_BYTES,	/* u32: likewise in bytes of memory */
	IFLA_FRAMEIO_QUEUE_WRITE_LEN,	/* u32: the same of the write queue */
	IFLA_FRAMEIO_QUEUE_WRITE_LIMIT,
	IFLA_FRAMEIO_QUEUE_WRITE_BYTES,
	IFLA_FRAMEIO_QUEUE_FLAGS,	/* u32: FRAMEIO_QP_* */
	IFLA_FRAMEIO_QUEUE_READ_USED,	/* u32: of the bytes, now */
	IFLA_FRAMEIO_QUEUE_WRITE_USED,
	__IFLA_FRAMEIO_QUEUE_MAX
};

#define IFLA_FRAMEIO_QUEUE_MAX		(__IFLA_FRAMEIO_QUEUE_MAX - 1)

#endif /* _FRAMEIO_FRAMEIO_H */
