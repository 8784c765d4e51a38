// Package pstorewpm is libwakupeers as a peerstore of go-libp2p: one record per peer in one C data
// structure, in memory ([NewPeerstore]) or kept in a SQLite database ([Open]).
//
// It is a drop-in for pstoremem and pstoreds and means what they mean: addresses expire by the clock
// alone and exactly, RemovePeer leaves addresses, signed peer records follow their sequence numbers.
// It also implements [peerstore.CertifiedAddrBook].
//
// A wpm_store belongs to one thread at a time, so all calls into it are made under one lock. Keys,
// protocols and addresses that were read once are kept decoded in bounded caches, which are read
// without a lock; the peerstore owns its store, so each write keeps them exact.
//
// Addresses must be multiaddrs that libwakupeers knows; others are left out with a warning in the
// log. Peer ids may have 0 to 255 bytes.
package pstorewpm

// #cgo CFLAGS: -std=c11 -O2 -Wall -Wextra
// #cgo noescape shim_new
// #cgo noescape shim_give_addresses
// #cgo nocallback shim_give_addresses
// #cgo noescape shim_update_ttl
// #cgo nocallback shim_update_ttl
// #cgo noescape shim_clear_addresses
// #cgo nocallback shim_clear_addresses
// #cgo noescape shim_addresses
// #cgo nocallback shim_addresses
// #cgo noescape shim_certified
// #cgo nocallback shim_certified
// #cgo noescape shim_envelope
// #cgo nocallback shim_envelope
// #cgo noescape shim_set_protocols
// #cgo nocallback shim_set_protocols
// #cgo noescape shim_protocols
// #cgo nocallback shim_protocols
// #cgo noescape shim_set_public_key
// #cgo nocallback shim_set_public_key
// #cgo noescape shim_public_key
// #cgo nocallback shim_public_key
// #cgo noescape shim_set_private_key
// #cgo nocallback shim_set_private_key
// #cgo noescape shim_private_key
// #cgo nocallback shim_private_key
// #cgo noescape shim_set_app
// #cgo nocallback shim_set_app
// #cgo noescape shim_app
// #cgo nocallback shim_app
// #cgo noescape shim_remove_peer
// #cgo nocallback shim_remove_peer
// #cgo noescape shim_ids
// #cgo nocallback shim_ids
// #cgo noescape shim_private_ids
// #cgo nocallback shim_private_ids
// #cgo noescape shim_collect
// #cgo nocallback shim_collect
// #cgo noescape shim_save
// #cgo nocallback shim_save
// #cgo noescape shim_save_private_keys
// #cgo nocallback shim_save_private_keys
// #cgo noescape shim_place
// #cgo nocallback shim_place
// #include "shim.h"
import "C"

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"
	pstore "github.com/libp2p/go-libp2p/p2p/host/peerstore"
)

var log = slog.Default().With("logger", "peerstore/wakupeers")

// ErrClosed is returned by calls on a peerstore after Close, where they can return an error.
var ErrClosed = errors.New("the peerstore is closed")

// Error is an error of libwakupeers.
type Error struct {
	Code int    // The wpm_err.
	Text string // What went wrong, for a person.
}

func (e *Error) Error() string { return "wakupeers: " + e.Text }

func errorOf(code C.int) error {
	if code == C.WPM_OK {
		return nil
	}
	return &Error{Code: int(code), Text: C.GoString(C.wpm_strerror(code))}
}

// Clock tells the time by which addresses expire.
type Clock interface {
	Now() time.Time
}

// systemClock is the time of the system when it was made, and what has passed since: setting the
// system's clock neither shortens nor lengthens a life, as with pstoremem.
type systemClock struct {
	start time.Time
}

func (c systemClock) nanoseconds() int64 { return c.start.UnixNano() + int64(time.Since(c.start)) }

type options struct {
	clock            Clock // nil: the system's.
	maxAddrsPerPeer  int
	maxProtocols     int
	maxBytes         int
	cacheSize        int
	storePrivateKeys bool
}

// Option changes a default of [NewPeerstore] or [Open].
type Option func(*options) error

// WithClock sets the clock by which addresses expire; by default the system's.
func WithClock(clock Clock) Option {
	return func(o *options) error {
		if clock == nil {
			return errors.New("no clock")
		}
		o.clock = clock
		return nil
	}
}

// WithMaxAddressesPerPeer caps the addresses of a peer that no connection holds, that is those with
// a time to live below peerstore.ConnectedAddrTTL; over it the one that ends first goes. 0 or less: no
// cap. By default 64, as in pstoremem.
func WithMaxAddressesPerPeer(n int) Option {
	return func(o *options) error {
		o.maxAddrsPerPeer = max(n, 0)
		return nil
	}
}

// WithMaxProtocols caps the protocols of a peer. By default 128, as in pstoremem.
func WithMaxProtocols(n int) Option {
	return func(o *options) error {
		o.maxProtocols = n
		return nil
	}
}

// WithMaxBytes caps the memory of the C store; over it, what is new is refused. 0: no cap. By default
// 1 GiB.
func WithMaxBytes(n int) Option {
	return func(o *options) error {
		if n < 0 {
			return fmt.Errorf("a cap of %d bytes", n)
		}
		o.maxBytes = n
		return nil
	}
}

// WithCacheSize sets of how many peers addresses, keys and protocols are kept decoded, each apart. By
// default 8192, a power of two; others are rounded up to one. 0: none.
func WithCacheSize(n int) Option {
	return func(o *options) error {
		if n < 0 || n > 1<<24 {
			return fmt.Errorf("a cache of %d peers", n)
		}
		o.cacheSize = n
		return nil
	}
}

// WithStoredPrivateKeys writes private keys to the database too; by default they stay in memory. The
// file is readable by its owner alone, and not encrypted.
func WithStoredPrivateKeys() Option {
	return func(o *options) error {
		o.storePrivateKeys = true
		return nil
	}
}

func readOptions(opts []Option) (options, error) {
	o := options{
		maxAddrsPerPeer: 64,
		maxProtocols:    128,
		maxBytes:        1 << 30,
		cacheSize:       8192,
	}
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return o, fmt.Errorf("option of the peerstore: %w", err)
		}
	}
	return o, nil
}

// collectInterval is how often addresses whose time is over are dropped. Nobody ever sees one: they
// only take memory until then.
const collectInterval = time.Minute

type idSet map[peer.ID]struct{}

// Peerstore is a thread-safe peerstore.
type Peerstore struct {
	peerstore.Metrics // In memory, as with pstoreds.

	options
	system systemClock

	// Guards everything that follows, and the C store.
	mu      sync.Mutex
	store   *C.wpm_store // nil after Close.
	buffer  []byte       // What crosses into C, and back.
	streams map[peer.ID][]*addrStream

	// With a database: what is to be written, and of which peers the private key is.
	dirty, dirtyKeys idSet

	metadata metadata
	database *database // nil: in memory alone.

	// Read without the lock, written with it.
	addrs        cache[addrList]
	publicKeys   cache[crypto.PubKey]
	privateKeys  cache[crypto.PrivKey]
	protocols    cache[[]protocol.ID]
	withAddrs    idList
	withKeys     idList
	withEither   idList
	closing      context.CancelFunc
	collecting   sync.WaitGroup
	closeOnce    sync.Once
	closeOutcome error
}

var (
	_ peerstore.Peerstore         = (*Peerstore)(nil)
	_ peerstore.CertifiedAddrBook = (*Peerstore)(nil)
)

// NewPeerstore makes a peerstore in memory. It takes metadata of any Go type. Close it to free its
// memory, which is not Go's.
func NewPeerstore(opts ...Option) (*Peerstore, error) {
	ps, err := newPeerstore(opts)
	if err != nil {
		return nil, err
	}
	ps.metadata = newMemoryMetadata()
	ps.start()
	return ps, nil
}

func newPeerstore(opts []Option) (*Peerstore, error) {
	o, err := readOptions(opts)
	if err != nil {
		return nil, err
	}
	ps := &Peerstore{
		Metrics: pstore.NewMetrics(),
		options: o,
		system:  systemClock{start: time.Now()},
		buffer:  make([]byte, 1<<16),
		streams: make(map[peer.ID][]*addrStream),
	}
	ps.addrs.init(o.cacheSize)
	ps.publicKeys.init(o.cacheSize)
	ps.privateKeys.init(o.cacheSize)
	ps.protocols.init(o.cacheSize)
	var key [16]byte
	rand.Read(key[:])
	code := C.shim_new((*C.uint8_t)(&key[0]), C.size_t(o.maxBytes), &ps.store)
	if err := errorOf(code); err != nil {
		return nil, err
	}
	return ps, nil
}

func (ps *Peerstore) start() {
	ctx, cancel := context.WithCancel(context.Background())
	ps.closing = cancel
	ps.collecting.Add(1)
	go func() {
		defer ps.collecting.Done()
		ticker := time.NewTicker(collectInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				ps.collect()
			case <-ctx.Done():
				return
			}
		}
	}()
}

// Close writes what is not yet on disk, ends address streams and frees the memory. Afterwards the
// peerstore is empty and keeps nothing.
func (ps *Peerstore) Close() error {
	ps.closeOnce.Do(func() {
		ps.closing()
		ps.collecting.Wait()
		if ps.database != nil {
			ps.closeOutcome = ps.database.close()
		}
		ps.mu.Lock()
		defer ps.mu.Unlock()
		C.wpm_store_free(ps.store)
		ps.store = nil
		ps.addrs.clear()
		ps.publicKeys.clear()
		ps.privateKeys.clear()
		ps.protocols.clear()
		ps.forgetIDs(hasAddress | hasKey)
		for _, streams := range ps.streams {
			for _, s := range streams {
				s.end()
			}
		}
		clear(ps.streams)
	})
	return ps.closeOutcome
}

// now is the time in nanoseconds since 1970.
func (ps *Peerstore) now() int64 {
	if ps.clock == nil {
		return ps.system.nanoseconds()
	}
	return ps.clock.Now().UnixNano()
}

// id hands a peer id to C; the pointer lasts as long as p.
func id(p peer.ID) (*C.char, C.size_t) {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(string(p)))), C.size_t(len(p))
}

func bytesOf(b []byte) (*C.uint8_t, C.size_t) {
	return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(b))), C.size_t(len(b))
}

// read calls fn with the buffer, once more with a larger one where that was too small, and returns
// what it wrote. It needs the lock.
func (ps *Peerstore) read(fn func(out *C.uint8_t, room C.size_t) C.shim_list) ([]byte, int, error) {
	for {
		list := fn(bytesOf(ps.buffer))
		if list.err != C.WPM_OK {
			return nil, 0, errorOf(list.err)
		}
		if int(list.bytes) <= len(ps.buffer) {
			return ps.buffer[:list.bytes], int(list.count), nil
		}
		ps.buffer = make([]byte, list.bytes)
	}
}

// appendItem appends an item to a packed list, whose items have at most 65535 bytes.
func appendItem[T string | []byte](list []byte, item T) []byte {
	return append(binary.LittleEndian.AppendUint16(list, uint16(len(item))), item...)
}

// takeItem takes the first item off a packed list.
func takeItem(list string) (item, rest string) {
	n := int(list[0]) | int(list[1])<<8
	return list[2 : 2+n], list[2+n:]
}

// changed notes that a peer is to be written to disk. It needs the lock.
func (ps *Peerstore) changed(p peer.ID) {
	if ps.database != nil {
		ps.dirty[p] = struct{}{}
	}
}

// keyChanged notes the same of a private key. It needs the lock.
func (ps *Peerstore) keyChanged(p peer.ID) {
	if ps.database != nil && ps.storePrivateKeys {
		ps.dirtyKeys[p] = struct{}{}
	}
}

// What a list of peers asks for.
const (
	hasAddress = uint(C.SHIM_HAS_ADDRESS)
	hasKey     = uint(C.SHIM_HAS_KEY)
)

// idList is a list of peers that was read from the store; nil: it has to be read anew.
type idList struct {
	ids atomic.Pointer[peer.IDSlice]
}

// forgetIDs is called where peers that have something may have become others. It needs the lock.
func (ps *Peerstore) forgetIDs(has uint) {
	if has&hasAddress != 0 {
		ps.withAddrs.forget()
	}
	if has&hasKey != 0 {
		ps.withKeys.forget()
	}
	ps.withEither.forget()
}

// forget looks first: a store to memory that others read is dear, and seldom needed.
func (l *idList) forget() {
	if l.ids.Load() != nil {
		l.ids.Store(nil)
	}
}

func (ps *Peerstore) listIDs(list *idList, has uint) peer.IDSlice {
	ids := list.ids.Load()
	if ids == nil {
		ids = ps.readIDs(list, has)
	}
	return append(make(peer.IDSlice, 0, len(*ids)), *ids...)
}

func (ps *Peerstore) readIDs(list *idList, has uint) *peer.IDSlice {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ids := peer.IDSlice{}
	if ps.store == nil {
		return &ids
	}
	take := func(next func(cursor *C.uint64_t) C.shim_list, keep func(peer.ID) bool) {
		var cursor C.uint64_t
		for {
			found := next(&cursor)
			if found.count == 0 {
				return
			}
			packed := string(ps.buffer[:found.bytes]) // One allocation for all of them.
			for packed != "" {
				var one string
				one, packed = takeItem(packed)
				if keep(peer.ID(one)) {
					ids = append(ids, peer.ID(one))
				}
			}
		}
	}
	take(func(cursor *C.uint64_t) C.shim_list {
		out, room := bytesOf(ps.buffer)
		return C.shim_ids(ps.store, C.uint(has), cursor, out, room)
	}, func(peer.ID) bool { return true })
	if has&hasKey != 0 {
		listed := make(map[peer.ID]struct{})
		take(func(cursor *C.uint64_t) C.shim_list {
			out, room := bytesOf(ps.buffer)
			return C.shim_private_ids(ps.store, cursor, out, room)
		}, func(p peer.ID) bool {
			if len(listed) == 0 {
				for _, p := range ids {
					listed[p] = struct{}{}
				}
			}
			_, found := listed[p]
			return !found
		})
	}
	list.ids.Store(&ids)
	return &ids
}

// Peers lists the peers of which addresses or keys are known.
func (ps *Peerstore) Peers() peer.IDSlice {
	return ps.listIDs(&ps.withEither, hasAddress|hasKey)
}

// PeerInfo returns the addresses of a peer.
func (ps *Peerstore) PeerInfo(p peer.ID) peer.AddrInfo {
	return peer.AddrInfo{ID: p, Addrs: ps.Addrs(p)}
}

// RemovePeer forgets a peer's keys, protocols, metadata and latencies. It leaves its addresses, as
// the interface says: ClearAddrs forgets those.
func (ps *Peerstore) RemovePeer(p peer.ID) {
	ps.Metrics.RemovePeer(p)
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.store == nil {
		return
	}
	data, size := id(p)
	if err := errorOf(C.shim_remove_peer(ps.store, data, size)); err != nil {
		log.Warn("a peer could not be removed", "peer", p, "err", err)
	}
	ps.metadata.remove(p)
	ps.publicKeys.drop(p)
	ps.privateKeys.drop(p)
	ps.protocols.drop(p)
	ps.forgetIDs(hasKey)
	ps.changed(p)
	ps.keyChanged(p)
}

// collect drops addresses whose time is over, and the peers of which nothing is left.
func (ps *Peerstore) collect() {
	const peers = 128 // At a time, so that others are not kept waiting.
	var cursor C.uint64_t
	for atEnd := false; !atEnd; {
		atEnd = ps.collectSome(&cursor, peers)
	}
}

func (ps *Peerstore) collectSome(cursor *C.uint64_t, peers int) bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.store == nil {
		return true
	}
	out, room := bytesOf(ps.buffer)
	var atEnd C.bool
	list := C.shim_collect(ps.store, cursor, C.size_t(peers), C.int64_t(ps.now()), out, room, &atEnd)
	if err := errorOf(list.err); err != nil {
		log.Warn("addresses could not be dropped", "err", err)
	}
	if list.count > 0 {
		packed := string(ps.buffer[:list.bytes])
		for packed != "" {
			var one string
			one, packed = takeItem(packed)
			ps.addrs.drop(peer.ID(one))
			ps.changed(peer.ID(one))
		}
		ps.forgetIDs(hasAddress)
	}
	return bool(atEnd)
}
