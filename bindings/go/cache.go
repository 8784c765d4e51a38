package pstorewpm

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"

	"github.com/libp2p/go-libp2p/core/peer"
)

// cache keeps what was decoded of peers: a table with one place for each hash, where the peer that
// was read last is. It is read without a lock. All writes are made under the lock of the store, after
// the store's own, so what is found in it is what the store holds.
type cache[T any] struct {
	seed  maphash.Seed
	mask  uint64
	slots []atomic.Pointer[cached[T]]
}

type cached[T any] struct {
	id    peer.ID
	value T
}

func (c *cache[T]) init(size int) {
	if size <= 0 {
		return
	}
	size = 1 << bits.Len(uint(size-1))
	c.seed, c.mask = maphash.MakeSeed(), uint64(size-1)
	c.slots = make([]atomic.Pointer[cached[T]], size)
}

func (c *cache[T]) slot(p peer.ID) *atomic.Pointer[cached[T]] {
	return &c.slots[maphash.String(c.seed, string(p))&c.mask]
}

// get returns what is kept of p, or nil.
func (c *cache[T]) get(p peer.ID) *cached[T] {
	if c.slots == nil {
		return nil
	}
	if found := c.slot(p).Load(); found != nil && found.id == p {
		return found
	}
	return nil
}

// keep keeps an entry, in place of another peer's where there is one. From then on it is read.
func (c *cache[T]) keep(entry *cached[T]) {
	if c.slots != nil {
		c.slot(entry.id).Store(entry)
	}
}

// put keeps a value.
func (c *cache[T]) put(p peer.ID, value T) {
	c.keep(&cached[T]{id: p, value: value})
}

// drop forgets p.
func (c *cache[T]) drop(p peer.ID) {
	if c.slots == nil {
		return
	}
	if slot := c.slot(p); slot.Load() != nil && slot.Load().id == p {
		slot.Store(nil)
	}
}

func (c *cache[T]) clear() {
	for i := range c.slots {
		c.slots[i].Store(nil)
	}
}
