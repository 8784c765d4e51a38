package pstorewpm

// #include "shim.h"
import "C"

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"unsafe"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
)

// metadata is where Put and Get keep values. All methods need the lock of the peerstore.
type metadata interface {
	put(p peer.ID, key string, value any) error
	get(p peer.ID, key string) (any, error)
	remove(p peer.ID)
}

// Put keeps a value of a peer. In memory it may be of any type. On SQLite it is encoded by gob: types
// other than Go's own must be registered (gob.Register), the key has 1 to 255 bytes and the encoded
// value at most 65535.
func (ps *Peerstore) Put(p peer.ID, key string, value any) error {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.store == nil {
		return ErrClosed
	}
	return ps.metadata.put(p, key, value)
}

// Get returns a value of a peer, or peerstore.ErrNotFound.
func (ps *Peerstore) Get(p peer.ID, key string) (any, error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.store == nil {
		return nil, ErrClosed
	}
	return ps.metadata.get(p, key)
}

// memoryMetadata holds Go values, which C cannot.
type memoryMetadata map[peer.ID]map[string]any

func newMemoryMetadata() memoryMetadata { return make(memoryMetadata) }

func (m memoryMetadata) put(p peer.ID, key string, value any) error {
	if m[p] == nil {
		m[p] = make(map[string]any)
	}
	m[p][key] = value
	return nil
}

func (m memoryMetadata) get(p peer.ID, key string) (any, error) {
	value, found := m[p][key]
	if !found {
		return nil, peerstore.ErrNotFound
	}
	return value, nil
}

func (m memoryMetadata) remove(p peer.ID) { delete(m, p) }

// gobMetadata keeps encoded values in the application map of the peer's record, and so on disk.
type gobMetadata struct {
	ps *Peerstore
}

func keyOf(key string) (*C.char, C.size_t) {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(key))), C.size_t(len(key))
}

func (m gobMetadata) put(p peer.ID, key string, value any) error {
	var encoded bytes.Buffer
	if err := gob.NewEncoder(&encoded).Encode(&value); err != nil {
		return err
	}
	data, size := id(p)
	name, length := keyOf(key)
	list, room := bytesOf(encoded.Bytes())
	if err := errorOf(C.shim_set_app(m.ps.store, data, size, name, length, list, room)); err != nil {
		return fmt.Errorf("metadata %q of %d bytes: %w", key, encoded.Len(), err)
	}
	m.ps.changed(p)
	return nil
}

func (m gobMetadata) get(p peer.ID, key string) (any, error) {
	data, size := id(p)
	name, length := keyOf(key)
	encoded, _, err := m.ps.read(func(out *C.uint8_t, room C.size_t) C.shim_list {
		return C.shim_app(m.ps.store, data, size, name, length, out, room)
	})
	if err != nil {
		return nil, peerstore.ErrNotFound
	}
	var value any
	if err := gob.NewDecoder(bytes.NewReader(encoded)).Decode(&value); err != nil {
		return nil, fmt.Errorf("metadata %q: %w", key, err)
	}
	return value, nil
}

// remove has nothing left to do: the application map has gone with the rest of the record.
func (gobMetadata) remove(peer.ID) {}
