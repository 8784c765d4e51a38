package pstorewpm

import (
	"testing"

	mockclock "github.com/benbjohnson/clock"
	"github.com/libp2p/go-libp2p/core/peerstore"
	suite "github.com/libp2p/go-libp2p/p2p/host/peerstore/test"
	"github.com/stretchr/testify/require"
)

// backends are the two ways to make a peerstore; each closes with the test.
var backends = map[string]func(t testing.TB, opts ...Option) (*Peerstore, func()){
	"memory": func(t testing.TB, opts ...Option) (*Peerstore, func()) {
		ps, err := NewPeerstore(opts...)
		require.NoError(t, err)
		return ps, func() { require.NoError(t, ps.Close()) }
	},
	"sqlite": func(t testing.TB, opts ...Option) (*Peerstore, func()) {
		ps, err := Open(t.TempDir()+"/peers.db", opts...)
		require.NoError(t, err)
		return ps, func() { require.NoError(t, ps.Close()) }
	},
}

func onEach(t *testing.T, test func(t *testing.T, make func(opts ...Option) (*Peerstore, func()))) {
	for name, backend := range backends {
		t.Run(name, func(t *testing.T) {
			test(t, func(opts ...Option) (*Peerstore, func()) { return backend(t, opts...) })
		})
	}
}

// go-libp2p's own suites.

func TestPeerstore(t *testing.T) {
	onEach(t, func(t *testing.T, make func(...Option) (*Peerstore, func())) {
		suite.TestPeerstore(t, func() (peerstore.Peerstore, func()) { return make() })
	})
}

func TestPeerstoreProtoStoreLimits(t *testing.T) {
	onEach(t, func(t *testing.T, make func(...Option) (*Peerstore, func())) {
		const limit = 10
		ps, end := make(WithMaxProtocols(limit))
		defer end()
		suite.TestPeerstoreProtoStoreLimits(t, ps, limit)
	})
}

func TestAddrBook(t *testing.T) {
	onEach(t, func(t *testing.T, make func(...Option) (*Peerstore, func())) {
		clock := mockclock.NewMock()
		// As in pstoremem's own tests: the suite gives a peer more addresses than the default cap.
		suite.TestAddrBook(t, func() (peerstore.AddrBook, func()) {
			return make(WithClock(clock), WithMaxAddressesPerPeer(0))
		}, clock)
	})
}

func TestKeyBook(t *testing.T) {
	onEach(t, func(t *testing.T, make func(...Option) (*Peerstore, func())) {
		suite.TestKeyBook(t, func() (peerstore.KeyBook, func()) { return make() })
	})
}

// Its benchmarks, on both; bench/go measures them.

func benchEach(b *testing.B, bench func(b *testing.B, make func() (*Peerstore, func()))) {
	for name, backend := range backends {
		b.Run(name, func(b *testing.B) {
			bench(b, func() (*Peerstore, func()) { return backend(b) })
		})
	}
}

func BenchmarkPeerstore(b *testing.B) {
	benchEach(b, func(b *testing.B, make func() (*Peerstore, func())) {
		suite.BenchmarkPeerstore(b, func() (peerstore.Peerstore, func()) { return make() }, "")
	})
}

func BenchmarkKeyBook(b *testing.B) {
	benchEach(b, func(b *testing.B, make func() (*Peerstore, func())) {
		suite.BenchmarkKeyBook(b, func() (peerstore.KeyBook, func()) { return make() })
	})
}
