package pstorewpm

// #include "shim.h"
import "C"

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/record"
	ma "github.com/multiformats/go-multiaddr"
)

// addrList is what is kept of a peer's addresses: all that the store holds, decoded. Once they have
// changed it is stale, and good only for what is in it to be used again.
type addrList struct {
	addrs []ma.Multiaddr
	ends  []int64 // The moment at which the time of each is over; nil: all at once.
	first int64   // The least of them: before it, nothing need be looked at.
	stale atomic.Bool
}

// valid returns a copy of those whose time is not over.
func (l *addrList) valid(now int64) []ma.Multiaddr {
	out := make([]ma.Multiaddr, 0, len(l.addrs))
	if now < l.first {
		return append(out, l.addrs...)
	}
	if l.ends == nil {
		return out
	}
	for i, addr := range l.addrs {
		if now < l.ends[i] {
			out = append(out, addr)
		}
	}
	return out
}

// reuse returns the address of these bytes if it is the first of known, or one of the next, and those
// that are left then. Decoding anew takes longer.
func reuse(raw []byte, known []ma.Multiaddr) (ma.Multiaddr, []ma.Multiaddr) {
	const ahead = 4 // As many as are likely to have gone at once.
	for i, addr := range known[:min(ahead, len(known))] {
		if addr == nil {
			continue
		}
		whole := addr.Bytes()
		if bytes.Equal(whole, raw) {
			return addr, known[i+1:]
		}
		if bytes.HasPrefix(whole, raw) { // It was given with its peer's own /p2p/.
			if transport := withoutLast(addr); transport != nil && bytes.Equal(transport.Bytes(), raw) {
				return transport, known[i+1:]
			}
		}
	}
	return nil, known
}

// isSlice: from go-multiaddr 0.15 on, a Multiaddr is a slice of its components.
var isSlice = reflect.TypeFor[ma.Multiaddr]().Kind() == reflect.Slice &&
	reflect.TypeFor[ma.Multiaddr]().Elem() == reflect.TypeFor[ma.Component]()

// withoutLast returns addr without its last component. Where it can it shares memory with addr, which
// ma.SplitLast copies.
func withoutLast(addr ma.Multiaddr) ma.Multiaddr {
	if !isSlice {
		transport, _ := ma.SplitLast(addr)
		return transport
	}
	components := *(*[]ma.Component)(unsafe.Pointer(&addr)) // Older versions compile no addr[:last].
	last := len(components) - 1
	components = components[:last:last]
	return *(*ma.Multiaddr)(unsafe.Pointer(&components))
}

// AddAddr adds one address; see AddAddrs.
func (ps *Peerstore) AddAddr(p peer.ID, addr ma.Multiaddr, ttl time.Duration) {
	ps.AddAddrs(p, []ma.Multiaddr{addr}, ttl)
}

// AddAddrs adds addresses, which expire after ttl. It never shortens the life of one that is held.
func (ps *Peerstore) AddAddrs(p peer.ID, addrs []ma.Multiaddr, ttl time.Duration) {
	if ttl > 0 {
		ps.giveAddrs(p, addrs, ttl, false)
	}
}

// SetAddr sets the ttl of one address; see SetAddrs.
func (ps *Peerstore) SetAddr(p peer.ID, addr ma.Multiaddr, ttl time.Duration) {
	ps.SetAddrs(p, []ma.Multiaddr{addr}, ttl)
}

// SetAddrs gives addresses this ttl, whatever they had before; 0 or less removes them.
func (ps *Peerstore) SetAddrs(p peer.ID, addrs []ma.Multiaddr, ttl time.Duration) {
	ps.giveAddrs(p, addrs, ttl, true)
}

func (ps *Peerstore) giveAddrs(p peer.ID, addrs []ma.Multiaddr, ttl time.Duration, replace bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.store == nil {
		return
	}
	packed, count := ps.packAddrs(p, addrs)
	if count == 0 {
		return
	}
	data, size := id(p)
	list, length := bytesOf(packed)
	free := ps.buffer[len(packed):]
	out, room := bytesOf(free)
	known := ps.addrs.get(p)
	outcome := C.shim_give_addresses(ps.store, data, size, list, length, known == nil, C.bool(replace),
		C.int64_t(ttl), C.int64_t(ps.now()), C.size_t(ps.maxAddrsPerPeer), out, room)
	if outcome.err != C.WPM_OK {
		log.Warn("addresses could not be kept", "peer", p, "err", errorOf(outcome.err))
	}
	if got, room := int(outcome.list.count), int(outcome.list.bytes); got != 0 && room <= len(free) {
		ps.keepAddrs(p, free[:room], got, addrs)
		ps.forgetIDs(hasAddress)
		ps.changed(p)
	} else {
		ps.addrsChanged(p, known, bool(outcome.turned))
	}
	if ttl > 0 && len(ps.streams) != 0 {
		ps.publish(p, addrs)
	}
}

// addrsChanged is called after the addresses of a peer changed, of which known is in the cache (or nil);
// turned: it may have got its first one or lost its last one. It needs the lock.
func (ps *Peerstore) addrsChanged(p peer.ID, known *cached[addrList], turned bool) {
	if turned {
		if known != nil {
			ps.addrs.drop(p)
		}
		ps.forgetIDs(hasAddress)
	} else if known != nil {
		known.value.stale.Store(true)
	}
	ps.changed(p)
}

// packAddrs packs addresses into the buffer. It needs the lock.
func (ps *Peerstore) packAddrs(p peer.ID, addrs []ma.Multiaddr) (packed []byte, count int) {
	packed = ps.buffer[:0]
	for _, addr := range addrs {
		if addr == nil {
			log.Warn("a nil multiaddr was given", "peer", p)
			continue
		}
		raw := addr.Bytes()
		if len(raw) > C.WPM_MULTIADDR_MAX {
			log.Warn("a multiaddr is too long", "peer", p, "bytes", len(raw))
			continue
		}
		packed = appendItem(packed, raw)
		count++
	}
	ps.buffer = packed[:cap(packed)] // It may have grown.
	return packed, count
}

// UpdateAddrs gives the addresses that have the ttl oldTTL the ttl newTTL, from now on; 0 or less
// removes them.
func (ps *Peerstore) UpdateAddrs(p peer.ID, oldTTL, newTTL time.Duration) {
	if oldTTL <= 0 {
		return // No address has that.
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.store == nil {
		return
	}
	data, size := id(p)
	outcome := C.shim_update_ttl(ps.store, data, size, C.int64_t(oldTTL), C.int64_t(newTTL),
		C.int64_t(ps.now()))
	if outcome.err != C.WPM_OK {
		log.Warn("the ttl of addresses could not be updated", "peer", p, "err", errorOf(outcome.err))
	}
	ps.addrsChanged(p, ps.addrs.get(p), bool(outcome.turned))
}

// ClearAddrs forgets the addresses of a peer and its signed record.
func (ps *Peerstore) ClearAddrs(p peer.ID) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.store == nil {
		return
	}
	data, size := id(p)
	if code := C.shim_clear_addresses(ps.store, data, size); code != C.WPM_OK {
		log.Warn("addresses could not be cleared", "peer", p, "err", errorOf(code))
	}
	ps.addrsChanged(p, ps.addrs.get(p), true)
}

// Addrs returns the addresses of a peer whose time is not over, oldest first.
func (ps *Peerstore) Addrs(p peer.ID) []ma.Multiaddr {
	if found := ps.addrs.get(p); found != nil && !found.value.stale.Load() {
		return found.value.valid(ps.now())
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	list := ps.readAddrs(p)
	if list == nil {
		return nil
	}
	return list.valid(ps.now())
}

// readAddrs decodes the addresses of a peer and keeps them. It needs the lock.
func (ps *Peerstore) readAddrs(p peer.ID) *addrList {
	if ps.store == nil {
		return nil
	}
	data, size := id(p)
	packed, count, err := ps.read(func(out *C.uint8_t, room C.size_t) C.shim_list {
		return C.shim_addresses(ps.store, data, size, out, room)
	})
	if err != nil || count == 0 {
		return nil
	}
	var known []ma.Multiaddr
	if found := ps.addrs.get(p); found != nil {
		known = found.value.addrs
	}
	return ps.keepAddrs(p, packed, count, known)
}

// keepAddrs keeps what the store holds of a peer's addresses, decoded with the help of those that are
// known. It needs the lock.
func (ps *Peerstore) keepAddrs(p peer.ID, packed []byte, count int, known []ma.Multiaddr) *addrList {
	entry := &cached[addrList]{id: p}
	list := &entry.value
	list.addrs, list.first = make([]ma.Multiaddr, 0, count), math.MaxInt64
	for len(packed) > 0 {
		end := int64(binary.NativeEndian.Uint64(packed))
		length := int(binary.LittleEndian.Uint16(packed[8:]))
		raw := packed[10 : 10+length]
		packed = packed[10+length:]
		var addr ma.Multiaddr
		if addr, known = reuse(raw, known); addr == nil {
			var err error
			// go-multiaddr below 0.15 keeps what it is given, and the buffer changes.
			if addr, err = ma.NewMultiaddrBytes(bytes.Clone(raw)); err != nil {
				// Of another program, in a database that is shared with it.
				log.Warn("a stored multiaddr is not known", "peer", p, "err", err)
				continue
			}
		}
		if list.ends == nil && len(list.addrs) > 0 && end != list.first {
			list.ends = slices.Repeat([]int64{list.first}, len(list.addrs))
		}
		list.addrs = append(list.addrs, addr)
		if list.ends != nil {
			list.ends = append(list.ends, end)
		}
		list.first = min(list.first, end)
	}
	ps.addrs.keep(entry)
	return list
}

// PeersWithAddrs lists the peers that have addresses.
func (ps *Peerstore) PeersWithAddrs() peer.IDSlice {
	return ps.listIDs(&ps.withAddrs, hasAddress)
}

// AddrStream returns a channel that gets all addresses of a peer, those that come later too, each
// once, until ctx is done or the peerstore is closed.
func (ps *Peerstore) AddrStream(ctx context.Context, p peer.ID) <-chan ma.Multiaddr {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	s := newAddrStream()
	if ps.store == nil {
		s.end()
	} else {
		if list := ps.readAddrs(p); list != nil {
			s.add(list.valid(ps.now()))
		}
		ps.streams[p] = append(ps.streams[p], s)
	}
	out := make(chan ma.Multiaddr)
	go func() {
		s.run(ctx, out)
		ps.removeStream(p, s)
		close(out)
	}()
	return out
}

// publish hands addresses to the streams of a peer. It needs the lock.
func (ps *Peerstore) publish(p peer.ID, addrs []ma.Multiaddr) {
	streams := ps.streams[p]
	if len(streams) == 0 {
		return
	}
	var own []ma.Multiaddr
	for _, addr := range addrs {
		if addr, of := peer.SplitAddr(addr); addr != nil && (of == "" || of == p) {
			own = append(own, addr)
		}
	}
	for _, s := range streams {
		s.add(own)
	}
}

func (ps *Peerstore) removeStream(p peer.ID, s *addrStream) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	streams := ps.streams[p]
	for i := range streams {
		if streams[i] == s {
			streams[i] = streams[len(streams)-1]
			streams[len(streams)-1] = nil
			ps.streams[p] = streams[:len(streams)-1]
			break
		}
	}
	if len(ps.streams[p]) == 0 {
		delete(ps.streams, p)
	}
}

// ConsumePeerRecord takes the addresses of a signed peer record, which expire after ttl. A record
// with a lower sequence number than the one that is held is not accepted; of a newer one, the
// addresses of the record before that it no longer names go, but for those of a live connection
// (peerstore.ConnectedAddrTTL or more). Addresses that no record names stay.
func (ps *Peerstore) ConsumePeerRecord(envelope *record.Envelope, ttl time.Duration) (bool, error) {
	opened, err := envelope.Record()
	if err != nil {
		return false, err
	}
	rec, ok := opened.(*peer.PeerRecord)
	if !ok {
		return false, errors.New("the envelope holds no peer record")
	}
	if !rec.PeerID.MatchesPublicKey(envelope.PublicKey) {
		return false, errors.New("the signing key is not that of the peer of the record")
	}
	sealed, err := envelope.Marshal()
	if err != nil {
		return false, err
	}

	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.store == nil {
		return false, ErrClosed
	}
	data, size := id(rec.PeerID)
	gone := append([]byte(nil), ps.packGone(rec)...)
	whole, wholeLength := bytesOf(sealed)
	packed, _ := ps.packAddrs(rec.PeerID, rec.Addrs)
	list, length := bytesOf(packed)
	old, oldBytes := bytesOf(gone)
	code := C.shim_certified(ps.store, data, size, whole, wholeLength, C.uint64_t(rec.Seq), list, length,
		old, oldBytes, C.int64_t(ttl), C.int64_t(ps.now()), C.size_t(ps.maxAddrsPerPeer))
	ps.addrsChanged(rec.PeerID, ps.addrs.get(rec.PeerID), true)
	switch code {
	case C.WPM_OK:
		if ttl > 0 && len(ps.streams) != 0 {
			ps.publish(rec.PeerID, rec.Addrs)
		}
		return true, nil
	case C.WPM_ERR_STALE:
		return false, nil
	}
	return false, fmt.Errorf("the peer record of %s: %w", rec.PeerID, errorOf(code))
}

// GetPeerRecord returns the signed peer record of a peer, or nil. It goes with the peer's last
// address.
func (ps *Peerstore) GetPeerRecord(p peer.ID) *record.Envelope {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.store == nil {
		return nil
	}
	return ps.readRecord(p, ps.now())
}

// packGone packs the addresses that the record held names and rec does not. It needs the lock.
func (ps *Peerstore) packGone(rec *peer.PeerRecord) []byte {
	held := ps.readRecord(rec.PeerID, math.MinInt64)
	if held == nil {
		return nil
	}
	opened, err := held.Record()
	if err != nil {
		return nil
	}
	before, ok := opened.(*peer.PeerRecord)
	if !ok || before.Seq > rec.Seq {
		return nil
	}
	named := make(map[string]struct{}, len(rec.Addrs))
	for _, addr := range rec.Addrs {
		named[string(addr.Bytes())] = struct{}{}
	}
	packed, _ := ps.packAddrs(rec.PeerID, slices.DeleteFunc(before.Addrs, func(addr ma.Multiaddr) bool {
		_, found := named[string(addr.Bytes())]
		return found
	}))
	return packed
}

// readRecord reads the signed record of a peer that has an address whose time is not over at now. It
// needs the lock.
func (ps *Peerstore) readRecord(p peer.ID, now int64) *record.Envelope {
	data, size := id(p)
	sealed, _, err := ps.read(func(out *C.uint8_t, room C.size_t) C.shim_list {
		return C.shim_envelope(ps.store, data, size, C.int64_t(now), out, room)
	})
	if err != nil {
		return nil
	}
	envelope, err := record.UnmarshalEnvelope(append([]byte(nil), sealed...))
	if err != nil {
		log.Warn("a stored peer record cannot be opened", "peer", p, "err", err)
		return nil
	}
	return envelope
}
