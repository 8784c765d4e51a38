// Package bench runs go-libp2p's own benchmarks of a peerstore on ours and on go-libp2p's. The names
// of the benchmarks are what bench/run_go.py asks for.
package bench

import (
	"context"
	"os"
	"testing"

	leveldb "github.com/ipfs/go-ds-leveldb"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoreds"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	suite "github.com/libp2p/go-libp2p/p2p/host/peerstore/test"

	"wakupeers/pstorewpm"
)

// Closing is part of what the suite times, so what is written behind counts too.
func made[P peerstore.Peerstore](b *testing.B, ps P, err error) (P, func()) {
	if err != nil {
		b.Fatal(err)
	}
	return ps, func() {
		if err := ps.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func inWakupeers(b *testing.B) (peerstore.Peerstore, func()) {
	ps, err := pstorewpm.NewPeerstore()
	return made(b, ps, err)
}

func inPstoremem(b *testing.B) (peerstore.Peerstore, func()) {
	ps, err := pstoremem.NewPeerstore()
	return made(b, ps, err)
}

func runAll(b *testing.B, make func(*testing.B) (peerstore.Peerstore, func())) {
	suite.BenchmarkPeerstore(b, func() (peerstore.Peerstore, func()) { return make(b) }, "")
	suite.BenchmarkKeyBook(b, func() (peerstore.KeyBook, func()) { return make(b) })
}

func BenchmarkWakupeers(b *testing.B) { runAll(b, inWakupeers) }

func BenchmarkPstoremem(b *testing.B) { runAll(b, inPstoremem) }

func onSQLite(b *testing.B, directory string) (peerstore.Peerstore, func()) {
	ps, err := pstorewpm.Open(directory + "/peers.db")
	return made(b, ps, err)
}

// By default each write of go-ds-leveldb is synced.
func onLevelDB(b *testing.B, directory string) (peerstore.Peerstore, func()) {
	store, err := leveldb.NewDatastore(directory, nil)
	if err != nil {
		b.Fatal(err)
	}
	ps, err := pstoreds.NewPeerstore(context.Background(), store, pstoreds.DefaultOpts())
	peers, end := made(b, ps, err)
	return peers, func() {
		end()
		if err := store.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func inDirectory(b *testing.B, make func(*testing.B, string) (peerstore.Peerstore, func())) {
	runAll(b, func(b *testing.B) (peerstore.Peerstore, func()) {
		directory, err := os.MkdirTemp(b.TempDir(), "")
		if err != nil {
			b.Fatal(err)
		}
		return make(b, directory)
	})
}

func BenchmarkSQLite(b *testing.B) { inDirectory(b, onSQLite) }

func BenchmarkLevelDB(b *testing.B) { inDirectory(b, onLevelDB) }
