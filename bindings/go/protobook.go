package pstorewpm

// #include "shim.h"
import "C"

import (
	"errors"
	"math"
	"slices"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

var (
	errTooManyProtocols = errors.New("too many protocols")
	errLongProtocol     = errors.New("a protocol id of more than 65535 bytes")
)

// GetProtocols returns the protocols of a peer, sorted.
func (ps *Peerstore) GetProtocols(p peer.ID) ([]protocol.ID, error) {
	held := ps.protocolsOf(p)
	return append(make([]protocol.ID, 0, len(held)), held...), nil
}

// SetProtocols replaces the protocols of a peer.
func (ps *Peerstore) SetProtocols(p peer.ID, protos ...protocol.ID) error {
	if len(protos) > ps.maxProtocols {
		return errTooManyProtocols
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.keepProtocols(p, protos)
}

// AddProtocols adds to the protocols of a peer.
func (ps *Peerstore) AddProtocols(p peer.ID, protos ...protocol.ID) error {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	held := ps.readProtocols(p)
	if len(held)+len(protos) > ps.maxProtocols {
		return errTooManyProtocols
	}
	return ps.keepProtocols(p, append(slices.Clone(held), protos...))
}

// RemoveProtocols removes some of the protocols of a peer.
func (ps *Peerstore) RemoveProtocols(p peer.ID, protos ...protocol.ID) error {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	held := ps.readProtocols(p)
	kept := make([]protocol.ID, 0, len(held))
	for _, proto := range held {
		if !slices.Contains(protos, proto) {
			kept = append(kept, proto)
		}
	}
	if len(kept) == len(held) {
		return nil
	}
	return ps.keepProtocols(p, kept)
}

// SupportsProtocols returns those of protos that the peer has, in their order.
func (ps *Peerstore) SupportsProtocols(p peer.ID, protos ...protocol.ID) ([]protocol.ID, error) {
	held := ps.protocolsOf(p)
	out := make([]protocol.ID, 0, len(protos))
	for _, proto := range protos {
		if _, found := slices.BinarySearch(held, proto); found {
			out = append(out, proto)
		}
	}
	return out, nil
}

// FirstSupportedProtocol returns the first of protos that the peer has, or none.
func (ps *Peerstore) FirstSupportedProtocol(p peer.ID, protos ...protocol.ID) (protocol.ID, error) {
	held := ps.protocolsOf(p)
	for _, proto := range protos {
		if _, found := slices.BinarySearch(held, proto); found {
			return proto, nil
		}
	}
	return "", nil
}

// keepProtocols needs the lock.
func (ps *Peerstore) keepProtocols(p peer.ID, protos []protocol.ID) error {
	if ps.store == nil {
		return ErrClosed
	}
	// Sorted and each once, whatever the store makes of the others.
	protos = slices.Clone(protos)
	slices.Sort(protos)
	protos = slices.Compact(protos)
	packed := ps.buffer[:0]
	for _, proto := range protos {
		if len(proto) > math.MaxUint16 {
			return errLongProtocol
		}
		packed = appendItem(packed, string(proto))
	}
	ps.buffer = packed[:cap(packed)] // It may have grown.
	data, size := id(p)
	list, bytes := bytesOf(packed)
	code := C.shim_set_protocols(ps.store, data, size, list, bytes, C.size_t(len(protos)))
	ps.protocols.drop(p)
	ps.changed(p)
	return errorOf(code)
}

// protocolsOf returns the protocols of a peer, sorted; they are not to be changed.
func (ps *Peerstore) protocolsOf(p peer.ID) []protocol.ID {
	if found := ps.protocols.get(p); found != nil {
		return found.value
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.readProtocols(p)
}

// readProtocols needs the lock.
func (ps *Peerstore) readProtocols(p peer.ID) []protocol.ID {
	if found := ps.protocols.get(p); found != nil {
		return found.value
	}
	if ps.store == nil {
		return nil
	}
	data, size := id(p)
	list, count, err := ps.read(func(out *C.uint8_t, room C.size_t) C.shim_list {
		return C.shim_protocols(ps.store, data, size, out, room)
	})
	if err != nil {
		return nil
	}
	packed := string(list) // One allocation for all of them.
	protos := make([]protocol.ID, 0, count)
	for packed != "" {
		var one string
		one, packed = takeItem(packed)
		protos = append(protos, protocol.ID(one))
	}
	ps.protocols.put(p, protos)
	return protos
}
