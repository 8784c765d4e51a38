package pstorewpm

// #include "shim.h"
import "C"

import (
	"errors"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
)

// PubKey returns the public key of a peer: the one that was added, or the one in its id. nil: not
// known.
func (ps *Peerstore) PubKey(p peer.ID) crypto.PubKey {
	if found := ps.publicKeys.get(p); found != nil {
		return found.value
	}
	if key := ps.readPubKey(p); key != nil {
		return key
	}
	key, err := p.ExtractPublicKey()
	if err != nil {
		return nil
	}
	// As pstoremem does: from now on the peer is one whose key is known.
	if err := ps.keepPubKey(p, key); err != nil && !errors.Is(err, ErrClosed) {
		log.Warn("a public key could not be kept", "peer", p, "err", err)
	}
	return key
}

func (ps *Peerstore) readPubKey(p peer.ID) crypto.PubKey {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.store == nil {
		return nil
	}
	data, size := id(p)
	encoded, _, err := ps.read(func(out *C.uint8_t, room C.size_t) C.shim_list {
		return C.shim_public_key(ps.store, data, size, out, room)
	})
	if err != nil {
		return nil
	}
	key, err := crypto.UnmarshalPublicKey(encoded)
	if err != nil {
		log.Warn("a stored public key cannot be read", "peer", p, "err", err)
		return nil
	}
	ps.publicKeys.put(p, key)
	return key
}

// AddPubKey keeps the public key of a peer, which must be the one of its id.
func (ps *Peerstore) AddPubKey(p peer.ID, key crypto.PubKey) error {
	if key == nil {
		return errors.New("no public key")
	}
	if found := ps.publicKeys.get(p); found != nil && found.value.Equals(key) {
		return nil // It is held, and matched when it came.
	}
	if !p.MatchesPublicKey(key) {
		return errors.New("the peer id does not match the public key")
	}
	return ps.keepPubKey(p, key)
}

func (ps *Peerstore) keepPubKey(p peer.ID, key crypto.PubKey) error {
	encoded, err := crypto.MarshalPublicKey(key)
	if err != nil {
		return err
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.store == nil {
		return ErrClosed
	}
	data, size := id(p)
	bytes, length := bytesOf(encoded)
	if err := errorOf(C.shim_set_public_key(ps.store, data, size, bytes, length)); err != nil {
		return err
	}
	ps.publicKeys.put(p, key)
	ps.forgetIDs(hasKey)
	ps.changed(p)
	return nil
}

// PrivKey returns the private key of a peer, or nil.
func (ps *Peerstore) PrivKey(p peer.ID) crypto.PrivKey {
	if found := ps.privateKeys.get(p); found != nil {
		return found.value
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.store == nil {
		return nil
	}
	data, size := id(p)
	encoded, _, err := ps.read(func(out *C.uint8_t, room C.size_t) C.shim_list {
		return C.shim_private_key(ps.store, data, size, out, room)
	})
	if err != nil {
		return nil
	}
	defer clear(encoded)
	key, err := crypto.UnmarshalPrivateKey(encoded)
	if err != nil {
		log.Warn("a stored private key cannot be read", "peer", p, "err", err)
		return nil
	}
	ps.privateKeys.put(p, key)
	return key
}

// AddPrivKey keeps the private key of a peer, which must be the one of its id. On disk it is kept
// only [WithStoredPrivateKeys].
func (ps *Peerstore) AddPrivKey(p peer.ID, key crypto.PrivKey) error {
	if key == nil {
		return errors.New("no private key")
	}
	if found := ps.privateKeys.get(p); found != nil && found.value.Equals(key) {
		return nil // It is held, and matched when it came.
	}
	if !p.MatchesPrivateKey(key) {
		return errors.New("the peer id does not match the private key")
	}
	encoded, err := crypto.MarshalPrivateKey(key)
	if err != nil {
		return err
	}
	defer clear(encoded)
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.store == nil {
		return ErrClosed
	}
	data, size := id(p)
	bytes, length := bytesOf(encoded)
	if err := errorOf(C.shim_set_private_key(ps.store, data, size, bytes, length)); err != nil {
		return err
	}
	ps.privateKeys.put(p, key)
	ps.forgetIDs(hasKey)
	ps.keyChanged(p)
	return nil
}

// PeersWithKeys lists the peers of which a key is known.
func (ps *Peerstore) PeersWithKeys() peer.IDSlice {
	return ps.listIDs(&ps.withKeys, hasKey)
}
