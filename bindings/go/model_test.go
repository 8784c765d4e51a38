package pstorewpm

import (
	"context"
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"time"

	mockclock "github.com/benbjohnson/clock"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/core/record"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/stretchr/testify/require"
)

// model drives pstoremem and a peerstore of ours by the same random calls.
type model struct {
	t     *testing.T
	rng   *rand.Rand
	clock *mockclock.Mock
	want  peerstore.Peerstore
	have  *Peerstore
	peers []peer.ID
	keys  map[peer.ID]crypto.PrivKey
	addrs []ma.Multiaddr
	many  bool // Several addresses at a time. Under a cap, which of equals goes is pstoremem's chance.
}

var ttls = []time.Duration{
	-1, 0, 1, time.Microsecond, time.Second, peerstore.TempAddrTTL, time.Hour,
	peerstore.ConnectedAddrTTL, peerstore.PermanentAddrTTL,
}

func newModel(t *testing.T, have *Peerstore, clock *mockclock.Mock, limit int, seed int64) *model {
	m := &model{
		t: t, rng: rand.New(rand.NewSource(seed)), clock: clock, have: have, many: limit == 0,
		keys: make(map[peer.ID]crypto.PrivKey),
	}
	want, err := pstoremem.NewPeerstore(pstoremem.WithClock(clock),
		pstoremem.WithMaxAddressesPerPeer(limit), pstoremem.WithMaxProtocols(6))
	require.NoError(t, err)
	m.want = want
	for i := range 12 {
		kind := []int{crypto.Ed25519, crypto.Secp256k1, crypto.ECDSA}[i%3]
		key, _, err := crypto.GenerateKeyPair(kind, 256)
		require.NoError(t, err)
		p, err := peer.IDFromPrivateKey(key)
		require.NoError(t, err)
		m.peers, m.keys[p] = append(m.peers, p), key
	}
	m.peers = append(m.peers, "f", "foobar")
	for i := range 24 {
		// One ip:port for all peers, which is nothing special to a peerstore.
		m.addrs = append(m.addrs, ma.StringCast(fmt.Sprintf("/ip4/192.0.2.1/tcp/%d", i)))
	}
	return m
}

func (m *model) peer() peer.ID { return m.peers[m.rng.Intn(len(m.peers))] }

func (m *model) ttl() time.Duration { return ttls[m.rng.Intn(len(ttls))] }

func (m *model) some(p peer.ID) []ma.Multiaddr {
	n := 1
	if m.many {
		n = m.rng.Intn(8)
	}
	var out []ma.Multiaddr
	for range n {
		addr := m.addrs[m.rng.Intn(len(m.addrs))]
		if m.rng.Intn(4) == 0 {
			of := p
			if m.rng.Intn(4) == 0 {
				of = m.peers[0]
			}
			if m.keys[of] != nil {
				addr = addr.Encapsulate(ma.StringCast("/p2p/" + of.String()))
			}
		}
		out = append(out, addr)
	}
	return out
}

func (m *model) protos() []protocol.ID {
	out := make([]protocol.ID, m.rng.Intn(5))
	for i := range out {
		out[i] = protocol.ID(fmt.Sprintf("/proto/%d", m.rng.Intn(9)))
	}
	return out
}

// both makes the same call on both and expects the same outcome.
func (m *model) both(call func(peerstore.Peerstore) (any, error)) {
	want, wantErr := call(m.want)
	have, haveErr := call(m.have)
	require.Equal(m.t, wantErr == nil, haveErr == nil, "%v, %v", wantErr, haveErr)
	require.Equal(m.t, want, have)
}

func (m *model) step() {
	p, ttl := m.peer(), m.ttl()
	some, protos := m.some(p), m.protos()
	m.clock.Add(1) // So that no two calls give addresses the same end.
	switch m.rng.Intn(14) {
	case 0, 1, 2:
		m.both(func(ps peerstore.Peerstore) (any, error) { ps.AddAddrs(p, some, ttl); return nil, nil })
	case 3:
		m.both(func(ps peerstore.Peerstore) (any, error) { ps.SetAddrs(p, some, ttl); return nil, nil })
	case 4:
		if !m.many {
			break // It gives many addresses one end.
		}
		other := m.ttl()
		ttl = max(ttl, 0) // pstoremem keeps what gets a negative one, hidden, until it collects.
		m.both(func(ps peerstore.Peerstore) (any, error) {
			ps.UpdateAddrs(p, other, ttl)
			return nil, nil
		})
	case 5:
		if m.rng.Intn(4) == 0 {
			m.both(func(ps peerstore.Peerstore) (any, error) { ps.ClearAddrs(p); return nil, nil })
		}
	case 6, 7:
		m.certify(p, ttl)
	case 8:
		m.both(func(ps peerstore.Peerstore) (any, error) { return nil, ps.SetProtocols(p, protos...) })
	case 9:
		m.both(func(ps peerstore.Peerstore) (any, error) { return nil, ps.AddProtocols(p, protos...) })
	case 10:
		m.both(func(ps peerstore.Peerstore) (any, error) {
			return nil, ps.RemoveProtocols(p, protos...)
		})
	case 11:
		m.key(p)
	case 12:
		value := m.rng.Intn(1000)
		m.both(func(ps peerstore.Peerstore) (any, error) { return nil, ps.Put(p, "key", value) })
		if m.rng.Intn(4) == 0 {
			m.both(func(ps peerstore.Peerstore) (any, error) { ps.RemovePeer(p); return nil, nil })
		}
	case 13:
		// pstoremem collects by a clock of its own, once a minute; so neither of the two does here.
		m.clock.Add(time.Duration(m.rng.Int63n(int64(3 * time.Second))))
	}
	m.compare(p, protos)
}

func (m *model) certify(p peer.ID, ttl time.Duration) {
	key := m.keys[p]
	if key == nil {
		return
	}
	if m.rng.Intn(8) == 0 {
		key = m.keys[m.peers[0]]
	}
	rec := &peer.PeerRecord{PeerID: p, Seq: uint64(m.rng.Intn(40))}
	for _, addr := range m.some(p) {
		if addr, of := peer.SplitAddr(addr); of == "" || of == p {
			rec.Addrs = append(rec.Addrs, addr)
		}
	}
	if len(rec.Addrs) == 0 {
		return
	}
	envelope, err := record.Seal(rec, key)
	require.NoError(m.t, err)
	m.both(func(ps peerstore.Peerstore) (any, error) {
		return ps.(peerstore.CertifiedAddrBook).ConsumePeerRecord(envelope, ttl)
	})
}

func (m *model) key(p peer.ID) {
	key := m.keys[m.peer()] // Often another's.
	if m.rng.Intn(2) == 0 {
		key = m.keys[p]
	}
	if key == nil {
		return
	}
	m.both(func(ps peerstore.Peerstore) (any, error) { return nil, ps.AddPubKey(p, key.GetPublic()) })
	if m.rng.Intn(2) == 0 {
		m.both(func(ps peerstore.Peerstore) (any, error) { return nil, ps.AddPrivKey(p, key) })
	}
}

func (m *model) compare(p peer.ID, protos []protocol.ID) {
	m.both(func(ps peerstore.Peerstore) (any, error) {
		var held []string
		for _, addr := range ps.Addrs(p) {
			held = append(held, addr.String())
		}
		slices.Sort(held)
		return held, nil
	})
	m.both(func(ps peerstore.Peerstore) (any, error) {
		envelope := ps.(peerstore.CertifiedAddrBook).GetPeerRecord(p)
		if envelope == nil {
			return nil, nil
		}
		return envelope.Marshal()
	})
	m.both(func(ps peerstore.Peerstore) (any, error) {
		held, err := ps.GetProtocols(p)
		slices.Sort(held)
		return held, err
	})
	m.both(func(ps peerstore.Peerstore) (any, error) { return ps.SupportsProtocols(p, protos...) })
	m.both(func(ps peerstore.Peerstore) (any, error) { return ps.FirstSupportedProtocol(p, protos...) })
	m.both(func(ps peerstore.Peerstore) (any, error) { return ps.Get(p, "key") })
	if m.rng.Intn(4) == 0 { // Asking for a key that the id holds makes it one that is known.
		m.both(func(ps peerstore.Peerstore) (any, error) {
			key := ps.PubKey(p)
			if key == nil {
				return nil, nil
			}
			return crypto.MarshalPublicKey(key)
		})
	}
	m.both(func(ps peerstore.Peerstore) (any, error) { return ps.PrivKey(p) == nil, nil })
	m.both(func(ps peerstore.Peerstore) (any, error) {
		held := ps.PeersWithKeys()
		slices.Sort(held)
		return held, nil
	})
	// pstoremem lists peers whose addresses are over until its next collection.
	valid := func(list peer.IDSlice) []peer.ID {
		held := slices.DeleteFunc(list, func(p peer.ID) bool { return len(m.want.Addrs(p)) == 0 })
		slices.Sort(held)
		return held
	}
	require.Equal(m.t, valid(m.want.PeersWithAddrs()), valid(m.have.PeersWithAddrs()))
	require.Equal(m.t, valid(m.want.Peers()), valid(m.have.Peers()))
}

// What pstoremem answers is what ours answers, whatever was called before.
func TestAnswersAsPstorememDoes(t *testing.T) {
	for _, limit := range []int{0, 5} {
		t.Run(fmt.Sprintf("cap %d", limit), func(t *testing.T) {
			onEach(t, func(t *testing.T, make func(...Option) (*Peerstore, func())) {
				clock := mockclock.NewMock()
				have, end := make(WithClock(clock), WithMaxAddressesPerPeer(limit), WithMaxProtocols(6),
					WithCacheSize(8)) // So small that peers push each other out.
				defer end()
				seed := time.Now().UnixNano()
				t.Logf("seed %d", seed)
				m := newModel(t, have, clock, limit, seed)
				defer m.want.Close()
				for range 3_000 {
					m.step()
				}
			})
		})
	}
}

// All goroutines at once, for the race detector.
func TestManyGoroutines(t *testing.T) {
	onEach(t, func(t *testing.T, make func(...Option) (*Peerstore, func())) {
		ps, end := make(WithCacheSize(2))
		defer end()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		done := together(4, func(n int) {
			m := &model{t: t, rng: rand.New(rand.NewSource(int64(n))), many: true}
			key, _, err := crypto.GenerateKeyPair(crypto.Ed25519, 256)
			if err != nil {
				panic(err)
			}
			own, err := peer.IDFromPrivateKey(key)
			if err != nil {
				panic(err)
			}
			m.peers = []peer.ID{"a", "b", "c", own}
			m.addrs = []ma.Multiaddr{ma.StringCast("/ip4/192.0.2.1/tcp/1"), ma.StringCast("/ip4/192.0.2.1/tcp/2")}
			for range 500 {
				p := m.peer()
				ps.AddAddrs(p, m.some(p), time.Hour)
				ps.Addrs(p)
				ps.PeersWithAddrs()
				ps.ClearAddrs(p)
				_ = ps.SetProtocols(p, m.protos()...)
				_, _ = ps.GetProtocols(p)
				_ = ps.Put(p, "key", 1)
				_, _ = ps.Get(p, "key")
				_ = ps.AddPrivKey(own, key)
				ps.PrivKey(own)
				ps.PubKey(own)
				ps.AddrStream(ctx, p)
				ps.RemovePeer(p)
				ps.RecordLatency(p, time.Second)
				ps.Peers()
				_ = ps.Flush()
				ps.collect()
			}
		})
		done()
	})
}

// together starts n goroutines and returns what waits for them.
func together(n int, work func(n int)) (wait func()) {
	ended := make(chan struct{})
	for i := range n {
		go func() {
			defer func() { ended <- struct{}{} }()
			work(i)
		}()
	}
	return func() {
		for range n {
			<-ended
		}
	}
}
