//go:build wakupeers

package main

import (
	"github.com/libp2p/go-libp2p/core/peerstore"

	"wakupeers/pstorewpm"
)

// openPeerstore makes a peerstore of ours: in memory, or on SQLite at a path.
func openPeerstore(where string) (peerstore.Peerstore, error) {
	if where == "memory" {
		return pstorewpm.NewPeerstore()
	}
	return pstorewpm.Open(where)
}
