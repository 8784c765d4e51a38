//go:build !wakupeers

package main

import (
	"errors"

	"github.com/libp2p/go-libp2p/core/peerstore"
)

func openPeerstore(string) (peerstore.Peerstore, error) {
	return nil, errors.New("built without a peerstore of ours: it takes -modfile=wakupeers.mod -tags wakupeers")
}
