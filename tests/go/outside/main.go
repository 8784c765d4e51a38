// A program outside the tree, on the installed Go binding.
package main

import (
	"fmt"
	"log"
	"os"
	"time"

	"github.com/libp2p/go-libp2p/core/peerstore"
	ma "github.com/multiformats/go-multiaddr"

	"wakupeers/pstorewpm"
)

func main() {
	var ps peerstore.Peerstore
	ps, err := pstorewpm.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	ps.AddAddr("foo", ma.StringCast("/ip4/192.0.2.1/tcp/60000"), time.Hour)
	fmt.Println(ps.PeersWithAddrs().Len(), "peer at", ps.Addrs("foo")[0])
	if err := ps.Close(); err != nil {
		log.Fatal(err)
	}
}
