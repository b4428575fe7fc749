/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * A hash table whose buckets have eight places each. Where all are taken, the station
 * that has not been heard for the longest gives way: a flood of invented addresses
 * displaces each other rather than who talks.
 *
 * An entry's address and port are one word, so that who finds needs no lock; neither
 * does hearing a station where it is known to be, which only sets the time. All that
 * changes which stations are known is done under the lock. Who looks at an entry
 * while it is given to another station finds an address that is not the one it looks
 * for, or at worst an old time, and then does not know the station yet.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/random.h>

#include "stations.h"

#define PLACES		8

/* An address, and behind it 16 bits with the port's number and 1; 0: nobody. */
struct entry {
	_Atomic uint64_t station;
	_Atomic uint64_t heard;
};

struct stations {
	pthread_mutex_t lock;	/* which stations are in @entries, and the counters */
	uint64_t lifetime;
	uint64_t secret;	/* nobody outside can tell which addresses share a bucket */
	unsigned int nentries;
	_Atomic uint64_t moves, displaced;
	struct entry entries[];
};

static uint64_t get(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void set(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

static uint64_t station_of(uint64_t address, unsigned int port)
{
	return address << 16 | (port + 1);
}

static uint64_t address_of(uint64_t station)
{
	return station >> 16;
}

static unsigned int port_of(uint64_t station)
{
	return (station & 0xffff) - 1;
}

struct stations *stations_new(unsigned int room, uint64_t lifetime_ms)
{
	struct stations *stations;

	stations = calloc(1, sizeof(*stations) + room * sizeof(struct entry));
	if (!stations)
		return NULL;
	pthread_mutex_init(&stations->lock, NULL);
	stations->lifetime = lifetime_ms;
	stations->nentries = room;
	/* without it, only worse at telling addresses apart that were made for that */
	if (getrandom(&stations->secret, sizeof(stations->secret), GRND_NONBLOCK) < 0)
		stations->secret = 0;
	return stations;
}

void stations_free(struct stations *stations)
{
	if (!stations)
		return;
	pthread_mutex_destroy(&stations->lock);
	free(stations);
}

/* The first of the eight entries where a station can be. */
static struct entry *bucket_of(const struct stations *stations, uint64_t address)
{
	/* addresses are evenly apart, as a maker's are: the finalizer of MurmurHash3 for 64 bits */
	uint64_t hash = address ^ stations->secret;

	hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
	hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	hash ^= hash >> 33;
	/* the number of entries is a power of two */
	return (struct entry *)&stations->entries[hash >> 32 & (stations->nentries - PLACES)];
}

static bool is_alive(const struct stations *stations, const struct entry *entry, uint64_t now)
{
	return get(&entry->station) && get(&entry->heard) + stations->lifetime > now;
}

/* Under the lock: the entry of a station that is in the bucket, or one that it may have. */
static struct entry *entry_for(struct stations *stations, uint64_t address, uint64_t now)
{
	struct entry *bucket = bucket_of(stations, address), *best = bucket;
	unsigned int i;

	for (i = 0; i < PLACES; i++)
		if (get(&bucket[i].station) && address_of(get(&bucket[i].station)) == address)
			return &bucket[i];
	for (i = 0; i < PLACES; i++) {
		if (!is_alive(stations, &bucket[i], now))
			return &bucket[i];
		if (get(&bucket[i].heard) < get(&best->heard))
			best = &bucket[i];
	}
	return best;
}

static void learn_slowly(struct stations *stations, uint64_t address, unsigned int port,
			 uint64_t now)
{
	struct entry *entry;
	uint64_t before;

	pthread_mutex_lock(&stations->lock);
	entry = entry_for(stations, address, now);
	before = get(&entry->station);
	if (is_alive(stations, entry, now) && before != station_of(address, port)) {
		if (address_of(before) == address)
			set(&stations->moves, get(&stations->moves) + 1);
		else
			set(&stations->displaced, get(&stations->displaced) + 1);
	}
	set(&entry->heard, now);
	set(&entry->station, station_of(address, port));
	pthread_mutex_unlock(&stations->lock);
}

void stations_learn(struct stations *stations, uint64_t address, unsigned int port, uint64_t now)
{
	const uint64_t station = station_of(address, port);
	struct entry *bucket = bucket_of(stations, address);
	unsigned int i;

	for (i = 0; i < PLACES; i++) {
		if (get(&bucket[i].station) != station)
			continue;
		/* not to take the cache line from others without need */
		if (get(&bucket[i].heard) != now)
			set(&bucket[i].heard, now);
		return;
	}
	learn_slowly(stations, address, port, now);
}

int stations_find(const struct stations *stations, uint64_t address, uint64_t now)
{
	const struct entry *bucket = bucket_of(stations, address);
	uint64_t station;
	unsigned int i;

	for (i = 0; i < PLACES; i++) {
		station = get(&bucket[i].station);
		if (station && address_of(station) == address)
			return is_alive(stations, &bucket[i], now) ? (int)port_of(station) : -1;
	}
	return -1;
}

void stations_forget(struct stations *stations, unsigned int port)
{
	uint64_t station;
	unsigned int i;

	pthread_mutex_lock(&stations->lock);
	for (i = 0; i < stations->nentries; i++) {
		station = get(&stations->entries[i].station);
		if (station && port_of(station) == port)
			set(&stations->entries[i].station, 0);
	}
	pthread_mutex_unlock(&stations->lock);
}

unsigned int stations_list(const struct stations *stations, uint64_t now, struct station *list,
			   unsigned int room)
{
	const struct entry *entry;
	uint64_t station, heard;
	unsigned int n = 0;

	for (entry = stations->entries; entry < stations->entries + stations->nentries; entry++) {
		station = get(&entry->station);
		heard = get(&entry->heard);
		if (!station || heard + stations->lifetime <= now)
			continue;
		if (n++ < room)
			*list++ = (struct station) {
				.address = address_of(station),
				.port = port_of(station),
				.age_ms = now > heard ? now - heard : 0,
			};
	}
	return n;
}

uint64_t stations_moves(const struct stations *stations)
{
	return get(&stations->moves);
}

uint64_t stations_displaced(const struct stations *stations)
{
	return get(&stations->displaced);
}
