//go:build wakupeers

package main

import (
	"encoding/gob"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peerstore"
	wps "github.com/waku-org/go-waku/waku/v2/peerstore"

	"wakupeers/pstorewpm"
)

// openPeerstore makes a peerstore of ours: in memory, or on SQLite at a path.
func openPeerstore(where string) (peerstore.Peerstore, error) {
	if where == "memory" {
		return pstorewpm.NewPeerstore()
	}
	// The types of its own that go-waku keeps as metadata.
	gob.Register(network.DirUnknown)
	gob.Register(wps.Unknown)
	return pstorewpm.Open(where)
}
