/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every difference between the supported kernels, 5.10 to 7.2, so that the
 * other files read as if there were one kernel: the newest.
 */
#ifndef _FRAMEIO_COMPAT_H
#define _FRAMEIO_COMPAT_H

#include <linux/device.h>
#include <linux/ethtool.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/uio.h>
#include <linux/version.h>
#include <net/rtnetlink.h>
#include <net/sock.h>

/* 6.5: segmentation got a header of its own. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#include <net/gso.h>
#endif

#ifndef CONFIG_64BIT
#error "frameio needs a 64-bit kernel: its counters are 64-bit words read without a lock"
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 10, 0)
#error "frameio needs Linux 5.10 or later"
#endif

/* 5.12: napi_build_skb() takes the sk_buff from a per-CPU cache. */
static inline struct sk_buff *frameio_napi_build_skb(void *data, unsigned int size)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 12, 0)
	return build_skb(data, size);
#else
	return napi_build_skb(data, size);
#endif
}

/* 6.13: a page fragment cache hides its fields, and has a function to drain it. */
static inline void frameio_page_frag_drain(struct page_frag_cache *cache)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
	if (cache->va)
		__page_frag_cache_drain(virt_to_head_page(cache->va), cache->pagecnt_bias);
	cache->va = NULL;
#else
	page_frag_cache_drain(cache);
#endif
}

/* 6.1: netif_napi_add() lost its weight. */
static inline void frameio_napi_add(struct net_device *dev, struct napi_struct *napi,
				    int (*poll)(struct napi_struct *, int))
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
	netif_napi_add(dev, napi, poll, NAPI_POLL_WEIGHT);
#else
	netif_napi_add(dev, napi, poll);
#endif
}

/* 5.12: NAPI may run in a thread of its own. */
static inline bool frameio_napi_has_thread(const struct napi_struct *napi)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 12, 0)
	return false;
#else
	return test_bit(NAPI_STATE_THREADED, &napi->state);
#endif
}

/* 6.0: a single user buffer got an iterator type of its own, ITER_UBUF. */
static inline bool frameio_iter_is_ubuf(const struct iov_iter *iter)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 0, 0)
	return false;
#else
	return iter_is_ubuf(iter);
#endif
}

static inline void __user *frameio_iter_ubuf(const struct iov_iter *iter)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 0, 0)
	return NULL;
#else
	return iter->ubuf + iter->iov_offset;
#endif
}

/* 6.4: the vectors of an iterator are reached through iter_iov(). */
static inline const struct iovec *frameio_iter_iov(const struct iov_iter *iter)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
	return iter->iov;
#else
	return iter_iov(iter);
#endif
}

/* 6.4: class_create() lost its owner. */
static inline struct class *frameio_class_create(const char *name)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
	return class_create(THIS_MODULE, name);
#else
	return class_create(name);
#endif
}

/* 6.2: a device type's devnode() takes a const device. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define FRAMEIO_DEVNODE_CONST
#else
#define FRAMEIO_DEVNODE_CONST const
#endif

/* 6.0: a frame that is dropped says why, to "drop_monitor" and the kfree_skb tracepoint. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 0, 0)
#define frameio_drop_skb(skb, reason)	kfree_skb(skb)
#else
#define frameio_drop_skb(skb, reason)	kfree_skb_reason(skb, SKB_DROP_REASON_##reason)
#endif

/* 6.0: a protocol keeps a reserve of memory for each CPU. */
static inline void frameio_proto_set_reserve(struct proto *proto, int __percpu *reserve)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 0, 0)
	proto->per_cpu_fw_alloc = reserve;
#endif
}

/*
 * 5.19: instead of the time a driver may leave a pointer to what it makes the time of,
 * and the frame may have come to another interface since.
 */
static inline ktime_t frameio_skb_hwtstamp(struct sk_buff *skb)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 19, 0)
	if (skb_shinfo(skb)->tx_flags & SKBTX_HW_TSTAMP_NETDEV)
		return skb->dev->netdev_ops->ndo_get_tstamp ?
		       netdev_get_tstamp(skb->dev, skb_hwtstamps(skb), false) : 0;
#endif
	return skb_hwtstamps(skb)->hwtstamp;
}

/* 5.18: a frame that came from a local sender tells when it was to be sent from when it came. */
static inline ktime_t frameio_skb_tstamp(const struct sk_buff *skb)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 18, 0)
	return skb->tstamp;
#else
	return skb_tstamp(skb);
#endif
}

/* 6.12: a frame may be in the memory of another device. */
static inline bool frameio_skb_is_readable(const struct sk_buff *skb)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	return true;
#else
	return skb_frags_readable(skb);
#endif
}

/* 6.15: who asks whether captures see an interface is under RCU. */
static inline bool frameio_nit_is_active(const struct net_device *dev)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
	return dev_nit_active((struct net_device *)dev);
#else
	return dev_nit_active_rcu(dev);
#endif
}

/* 6.13: a timer is given its function when it is made. */
static inline void frameio_hrtimer_setup(struct hrtimer *timer,
					 enum hrtimer_restart (*function)(struct hrtimer *),
					 clockid_t clock, enum hrtimer_mode mode)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
	hrtimer_init(timer, clock, mode);
	timer->function = function;
#else
	hrtimer_setup(timer, function, clock, mode);
#endif
}

/*
 * 5.11: a page can be charged to a memory cgroup and mapped by user space. Before, what
 * is mapped is bounded by RLIMIT_MEMLOCK alone.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
#define FRAMEIO_GFP_MAPPED	GFP_KERNEL
#else
#define FRAMEIO_GFP_MAPPED	GFP_KERNEL_ACCOUNT
#endif

/* 6.3: the flags of a mapping are changed by functions. */
static inline void frameio_vma_set_flags(struct vm_area_struct *vma, unsigned long flags)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	vma->vm_flags |= flags;
#else
	vm_flags_set(vma, flags);
#endif
}

/* 5.17: the functions for ring sizes got two more arguments, which only some drivers need. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 17, 0)
#define FRAMEIO_RINGPARAM(get, get_implementation, set, set_implementation)		\
static void get(struct net_device *dev, struct ethtool_ringparam *ring)			\
{											\
	get_implementation(dev, ring);							\
}											\
											\
static int set(struct net_device *dev, struct ethtool_ringparam *ring)			\
{											\
	return set_implementation(dev, ring);						\
}
#else
#define FRAMEIO_RINGPARAM(get, get_implementation, set, set_implementation)		\
static void get(struct net_device *dev, struct ethtool_ringparam *ring,			\
		struct kernel_ethtool_ringparam *kernel_ring,				\
		struct netlink_ext_ack *extack)						\
{											\
	get_implementation(dev, ring);							\
}											\
											\
static int set(struct net_device *dev, struct ethtool_ringparam *ring,			\
	       struct kernel_ethtool_ringparam *kernel_ring,				\
	       struct netlink_ext_ack *extack)						\
{											\
	return set_implementation(dev, ring);						\
}
#endif

/* 6.15: newlink() takes its arguments in a struct. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
struct rtnl_newlink_params {
	struct net *src_net;
	struct nlattr **tb;
	struct nlattr **data;
};

#define FRAMEIO_NEWLINK(name, implementation)						\
static int name(struct net *src_net, struct net_device *dev, struct nlattr *tb[],	\
		struct nlattr *data[], struct netlink_ext_ack *extack)			\
{											\
	struct rtnl_newlink_params params = { src_net, tb, data };			\
											\
	return implementation(dev, &params, extack);					\
}
#else
#define FRAMEIO_NEWLINK(name, implementation)						\
static int name(struct net_device *dev, struct rtnl_newlink_params *params,		\
		struct netlink_ext_ack *extack)						\
{											\
	return implementation(dev, params, extack);					\
}
#endif

#endif /* _FRAMEIO_COMPAT_H */
