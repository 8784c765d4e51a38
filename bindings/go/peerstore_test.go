package pstorewpm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	mockclock "github.com/benbjohnson/clock"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/core/record"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/stretchr/testify/require"
)

func newIdentity(t *testing.T, kind int) (crypto.PrivKey, peer.ID) {
	key, _, err := crypto.GenerateKeyPair(kind, 2048)
	require.NoError(t, err)
	p, err := peer.IDFromPrivateKey(key)
	require.NoError(t, err)
	return key, p
}

func multiaddrs(texts ...string) []ma.Multiaddr {
	var out []ma.Multiaddr
	for _, text := range texts {
		out = append(out, ma.StringCast(text))
	}
	return out
}

func seal(t *testing.T, key crypto.PrivKey, sequence uint64, addrs []ma.Multiaddr) *record.Envelope {
	p, err := peer.IDFromPrivateKey(key)
	require.NoError(t, err)
	envelope, err := record.Seal(&peer.PeerRecord{PeerID: p, Seq: sequence, Addrs: addrs}, key)
	require.NoError(t, err)
	return envelope
}

// reopen closes a peerstore on SQLite and opens it again.
func reopen(t *testing.T, ps *Peerstore, path string, opts ...Option) *Peerstore {
	require.NoError(t, ps.Close())
	again, err := Open(path, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, again.Close()) })
	return again
}

func TestComesBackFromDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peers.db")
	clock := mockclock.NewMock()
	ps, err := Open(path, WithClock(clock))
	require.NoError(t, err)

	key, p := newIdentity(t, crypto.RSA)
	addrs := multiaddrs("/ip4/192.0.2.1/tcp/1", "/ip6/2001:db8::1/udp/2/quic-v1", "/dns4/node.example/tcp/443/wss")
	ps.AddAddr(p, addrs[0], time.Hour)
	ps.AddAddr(p, addrs[1], peerstore.PermanentAddrTTL)
	ps.AddAddr(p, addrs[2], 100*time.Nanosecond)
	require.NoError(t, ps.AddPubKey(p, key.GetPublic()))
	require.NoError(t, ps.AddPrivKey(p, key))
	require.NoError(t, ps.SetProtocols(p, "/b", "/a"))
	require.NoError(t, ps.Put(p, "strings", []string{"a", "b"}))
	require.NoError(t, ps.Put(p, "number", 1.5))
	signer, signed := newIdentity(t, crypto.Ed25519)
	envelope := seal(t, signer, 7, addrs[:1])
	accepted, err := ps.ConsumePeerRecord(envelope, time.Hour)
	require.NoError(t, err)
	require.True(t, accepted)
	ps.AddAddr("", addrs[0], time.Hour)
	ps.AddAddr("foo", addrs[0], time.Hour)
	ps.ClearAddrs("foo")

	// As in memory, and to the nanosecond.
	clock.Add(99 * time.Nanosecond)
	ps = reopen(t, ps, path, WithClock(clock))
	require.ElementsMatch(t, addrs, ps.Addrs(p))
	clock.Add(time.Nanosecond)
	require.ElementsMatch(t, addrs[:2], ps.Addrs(p))

	ps = reopen(t, ps, path, WithClock(clock))
	require.ElementsMatch(t, addrs[:2], ps.Addrs(p))
	require.True(t, key.GetPublic().Equals(ps.PubKey(p)))
	require.Nil(t, ps.PrivKey(p), "nobody asked for it to be stored")
	protos, err := ps.GetProtocols(p)
	require.NoError(t, err)
	require.Equal(t, []protocol.ID{"/a", "/b"}, protos)
	value, err := ps.Get(p, "strings")
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, value)
	value, err = ps.Get(p, "number")
	require.NoError(t, err)
	require.Equal(t, 1.5, value)
	require.True(t, envelope.Equal(ps.GetPeerRecord(signed)))
	accepted, err = ps.ConsumePeerRecord(seal(t, signer, 6, addrs), time.Hour)
	require.NoError(t, err)
	require.False(t, accepted, "a record from disk is not replaced by an older one")
	require.ElementsMatch(t, []peer.ID{p, signed, ""}, ps.PeersWithAddrs())
	require.Equal(t, addrs[:1], ps.Addrs(""))

	// What was removed stays so, and addresses outlive RemovePeer on disk too.
	ps.RemovePeer(p)
	ps = reopen(t, ps, path, WithClock(clock))
	require.ElementsMatch(t, addrs[:2], ps.Addrs(p))
	require.Nil(t, ps.PubKey(p))
	protos, err = ps.GetProtocols(p)
	require.NoError(t, err)
	require.Empty(t, protos)
	_, err = ps.Get(p, "number")
	require.ErrorIs(t, err, peerstore.ErrNotFound)

	// What is over when it is loaded is gone.
	clock.Add(2 * time.Hour)
	ps = reopen(t, ps, path, WithClock(clock))
	require.Equal(t, peer.IDSlice{p}, ps.PeersWithAddrs())
}

func TestPrivateKeysOnDiskIfAsked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peers.db")
	ps, err := Open(path, WithStoredPrivateKeys())
	require.NoError(t, err)
	key, p := newIdentity(t, crypto.Ed25519)
	require.NoError(t, ps.AddPrivKey(p, key))
	ps = reopen(t, ps, path, WithStoredPrivateKeys())
	require.True(t, key.Equals(ps.PrivKey(p)))
	require.Equal(t, peer.IDSlice{p}, ps.PeersWithKeys())
	file, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), file.Mode().Perm())

	ps.RemovePeer(p)
	ps = reopen(t, ps, path, WithStoredPrivateKeys())
	require.Nil(t, ps.PrivKey(p))
	require.Empty(t, ps.PeersWithKeys())
}

// A database that lay there readable to all is not, once it holds private keys; nor is its log.
func TestPrivateKeysAreForTheirOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peers.db")
	ps, err := Open(path)
	require.NoError(t, err)
	require.NoError(t, ps.Close())
	require.NoError(t, os.Chmod(path, 0o644))

	ps, err = Open(path, WithStoredPrivateKeys())
	require.NoError(t, err)
	defer func() { require.NoError(t, ps.Close()) }()
	key, p := newIdentity(t, crypto.Ed25519)
	require.NoError(t, ps.AddPrivKey(p, key))
	require.NoError(t, ps.Flush())
	for _, suffix := range []string{"", "-wal", "-shm"} {
		file, err := os.Stat(path + suffix)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), file.Mode().Perm(), suffix)
	}
}

func TestFlushIsDurable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peers.db")
	ps, err := Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, ps.Close()) }()
	for i := range 1000 {
		ps.AddAddr(peer.ID(fmt.Sprint(i)), ma.StringCast("/ip4/192.0.2.1/tcp/1"), time.Hour)
	}
	require.NoError(t, ps.Flush())

	// As after a crash: a copy of what is on disk at this moment.
	copied := filepath.Join(t.TempDir(), "peers.db")
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(copied+suffix, content, 0o600))
	}
	again, err := Open(copied)
	require.NoError(t, err)
	defer func() { require.NoError(t, again.Close()) }()
	require.Len(t, again.PeersWithAddrs(), 1000)
}

func TestStorageErrorsAreReported(t *testing.T) {
	directory := t.TempDir()
	_, err := Open(directory)
	require.ErrorContains(t, err, directory)

	path := filepath.Join(directory, "peers.db")
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("no database "), 1000), 0o600))
	_, err = Open(path)
	require.ErrorContains(t, err, path)

	path = filepath.Join(directory, "removed.db")
	ps, err := Open(path)
	require.NoError(t, err)
	ps.AddAddr("foo", ma.StringCast("/ip4/192.0.2.1/tcp/1"), time.Hour)
	require.NoError(t, os.Remove(path))
	require.Error(t, ps.Flush())
	require.NotEmpty(t, ps.Addrs("foo"), "the peerstore goes on")
	require.Error(t, ps.Close(), "what could not be written is not lost in silence")
}

func TestTimesToLive(t *testing.T) {
	onEach(t, func(t *testing.T, make func(...Option) (*Peerstore, func())) {
		clock := mockclock.NewMock()
		clock.Set(time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC))
		ps, end := make(WithClock(clock))
		defer end()
		addr := multiaddrs("/ip4/192.0.2.1/tcp/1")
		const century = 100 * 365 * 24 * time.Hour // Its end is behind what 64 bits of nanoseconds hold.
		for i, ttl := range []time.Duration{century, peerstore.ConnectedAddrTTL, peerstore.PermanentAddrTTL} {
			p := peer.ID(fmt.Sprint(i))
			ps.AddAddrs(p, addr, ttl)
			ps.SetAddrs(p, addr, ttl)
			clock.Add(time.Hour)
			require.Equal(t, addr, ps.Addrs(p), ttl)
			ps.UpdateAddrs(p, ttl, 0)
			require.Empty(t, ps.Addrs(p), ttl)
		}
	})
}

func TestIDsOfAnyLength(t *testing.T) {
	onEach(t, func(t *testing.T, make func(...Option) (*Peerstore, func())) {
		ps, end := make()
		defer end()
		addr := multiaddrs("/ip4/192.0.2.1/tcp/1")
		for _, size := range []int{0, 1, 254, 255} {
			p := peer.ID(strings.Repeat("x", size))
			ps.AddAddrs(p, addr, time.Hour)
			require.NoError(t, ps.SetProtocols(p, "/a"))
			require.Equal(t, addr, ps.Addrs(p))
			require.Contains(t, ps.PeersWithAddrs(), p)
		}
		tooLong := peer.ID(strings.Repeat("x", 256))
		ps.AddAddrs(tooLong, addr, time.Hour)
		require.Empty(t, ps.Addrs(tooLong))
		require.Error(t, ps.SetProtocols(tooLong, "/a"))
	})
}

// All that go-multiaddr knows can be kept.
func TestAllKindsOfAddresses(t *testing.T) {
	ps, err := NewPeerstore()
	require.NoError(t, err)
	defer ps.Close()
	relay := "/p2p/QmSnksrD6cTish3FxCb8AqqiknAicQfhfjJSA9JCfqVBGi"
	texts := []string{
		"/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.1/tcp/1/tls/ws", "/ip4/192.0.2.1/tcp/1/wss",
		"/ip4/192.0.2.1/udp/1/quic", "/ip4/192.0.2.1/udp/1/quic-v1",
		"/ip4/192.0.2.1/udp/1/quic-v1/webtransport/certhash/uEiAkH5a4DPGKUuOBjYw0CgwjvcJCJMD2K_1aluKR_tpevQ",
		"/ip4/192.0.2.1/udp/1/webrtc-direct/certhash/uEiAkH5a4DPGKUuOBjYw0CgwjvcJCJMD2K_1aluKR_tpevQ",
		"/ip4/192.0.2.1/tcp/1" + relay + "/p2p-circuit", "/ip4/192.0.2.1/tcp/1" + relay + "/p2p-circuit/webrtc",
		"/ip6zone/eth0/ip6/fe80::1/tcp/1", "/ip4/192.0.2.0/ipcidr/24", "/dns/a.example/tcp/1",
		"/dns4/a.example/tcp/1/tls/sni/a.example/http", "/dns6/a.example/tcp/1", "/dnsaddr/a.example",
		"/ip4/192.0.2.1/tcp/1/noise", "/ip4/192.0.2.1/tcp/1/http/http-path/a", "/unix/a/b",
		"/ip4/192.0.2.1/sctp/1", "/ip4/192.0.2.1/dccp/1", "/ip4/192.0.2.1/udp/1/udt", "/ip4/192.0.2.1/udp/1/utp",
		"/ip4/192.0.2.1/tcp/1/https", "/memory/4", "/ip4/192.0.2.1/tcp/1/plaintextv2",
		"/ip4/192.0.2.1/tcp/1/p2p-webrtc-direct",
		"/onion3/vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd:1234",
	}
	for i, text := range texts {
		p := peer.ID(fmt.Sprint(i))
		ps.AddAddrs(p, multiaddrs(text), time.Hour)
		require.Equal(t, multiaddrs(text), ps.Addrs(p), text)
	}
}

func TestTheCapOfAddresses(t *testing.T) {
	onEach(t, func(t *testing.T, make func(...Option) (*Peerstore, func())) {
		ps, end := make(WithMaxAddressesPerPeer(2))
		defer end()
		addrs := multiaddrs("/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.1/tcp/2", "/ip4/192.0.2.1/tcp/3",
			"/ip4/192.0.2.1/tcp/4")
		ps.AddAddr("p", addrs[0], peerstore.ConnectedAddrTTL)
		ps.AddAddr("p", addrs[1], time.Minute)
		ps.AddAddr("p", addrs[2], time.Hour)
		require.ElementsMatch(t, addrs[:3], ps.Addrs("p"), "one of a connection does not count")
		ps.SetAddr("p", addrs[3], time.Second)
		require.ElementsMatch(t, []ma.Multiaddr{addrs[0], addrs[2], addrs[3]}, ps.Addrs("p"),
			"the one that ends first makes room")
	})
}

// What is over takes no memory for long, whatever it is.
func TestCollecting(t *testing.T) {
	onEach(t, func(t *testing.T, make func(...Option) (*Peerstore, func())) {
		clock := mockclock.NewMock()
		ps, end := make(WithClock(clock))
		defer end()
		addrs := multiaddrs("/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.1/tcp/2")
		for i := range 1000 {
			p := peer.ID(fmt.Sprint(i))
			ps.AddAddr(p, addrs[0], time.Hour)
			ps.AddAddr(p, addrs[1], time.Duration(1+i%2)*2*time.Hour)
		}
		key, p := newIdentity(t, crypto.Ed25519)
		_, err := ps.ConsumePeerRecord(seal(t, key, 1, addrs), time.Hour)
		require.NoError(t, err)
		require.NoError(t, ps.SetProtocols(p, "/a"))

		clock.Add(time.Hour)
		ps.collect()
		require.Len(t, ps.PeersWithAddrs(), 1000)
		clock.Add(time.Hour)
		ps.collect()
		require.Len(t, ps.PeersWithAddrs(), 500)
		clock.Add(2 * time.Hour)
		ps.collect()
		require.Empty(t, ps.PeersWithAddrs())

		ps.AddAddrs(p, addrs, time.Hour)
		require.Nil(t, ps.GetPeerRecord(p), "it went with the last address")
		protos, err := ps.GetProtocols(p)
		require.NoError(t, err)
		require.Equal(t, []protocol.ID{"/a"}, protos)
	})
}

func TestAddressStreamsEnd(t *testing.T) {
	onEach(t, func(t *testing.T, make func(...Option) (*Peerstore, func())) {
		ps, end := make()
		ctx, cancel := context.WithCancel(context.Background())
		addrs := multiaddrs("/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.1/tcp/2")
		ps.AddAddr("p", addrs[0], time.Hour)
		cancelled, closed := ps.AddrStream(ctx, "p"), ps.AddrStream(context.Background(), "p")
		require.Equal(t, addrs[0], <-cancelled)
		require.Equal(t, addrs[0], <-closed)
		cancel()
		for range cancelled {
			require.Fail(t, "nothing more was added")
		}
		ps.SetAddr("p", addrs[1], time.Hour)
		require.Equal(t, addrs[1], <-closed)
		end()
		for range closed {
			require.Fail(t, "nothing more was added")
		}
		for range ps.AddrStream(context.Background(), "p") {
			require.Fail(t, "the peerstore is closed")
		}
	})
}

// A host's services may still ask when it goes down.
func TestAfterClose(t *testing.T) {
	onEach(t, func(t *testing.T, make func(...Option) (*Peerstore, func())) {
		ps, end := make()
		key, p := newIdentity(t, crypto.Ed25519)
		addrs := multiaddrs("/ip4/192.0.2.1/tcp/1")
		ps.AddAddrs(p, addrs, time.Hour)
		require.NoError(t, ps.AddPrivKey(p, key))
		ps.Addrs(p)
		ps.PeersWithAddrs()
		end()
		end() // Again is nothing new.

		ps.AddAddrs(p, addrs, time.Hour)
		ps.SetAddrs(p, addrs, time.Hour)
		ps.UpdateAddrs(p, time.Hour, time.Minute)
		ps.ClearAddrs(p)
		ps.RemovePeer(p)
		ps.collect()
		require.Empty(t, ps.Addrs(p))
		require.Empty(t, ps.Peers())
		require.Empty(t, ps.PeersWithAddrs())
		require.Empty(t, ps.PeersWithKeys())
		require.Nil(t, ps.PrivKey(p))
		require.Nil(t, ps.GetPeerRecord(p))
		require.True(t, key.GetPublic().Equals(ps.PubKey(p)), "it is in the id")
		require.ErrorIs(t, ps.AddPubKey(p, key.GetPublic()), ErrClosed)
		require.ErrorIs(t, ps.AddPrivKey(p, key), ErrClosed)
		require.ErrorIs(t, ps.SetProtocols(p, "/a"), ErrClosed)
		require.ErrorIs(t, ps.AddProtocols(p, "/a"), ErrClosed)
		require.NoError(t, ps.RemoveProtocols(p, "/a"))
		require.ErrorIs(t, ps.Put(p, "key", 1), ErrClosed)
		_, err := ps.Get(p, "key")
		require.ErrorIs(t, err, ErrClosed)
		_, err = ps.ConsumePeerRecord(seal(t, key, 1, addrs), time.Hour)
		require.ErrorIs(t, err, ErrClosed)
	})
}

func TestMetadataOfAnyType(t *testing.T) {
	memory, err := NewPeerstore()
	require.NoError(t, err)
	defer memory.Close()
	channel := make(chan int)
	require.NoError(t, memory.Put("p", "", channel))
	value, err := memory.Get("p", "")
	require.NoError(t, err)
	require.Equal(t, channel, value)

	disk, err := Open(filepath.Join(t.TempDir(), "peers.db"))
	require.NoError(t, err)
	defer disk.Close()
	require.Error(t, disk.Put("p", "key", channel), "gob cannot encode it")
	require.Error(t, disk.Put("p", "", 1), "a key has 1 byte or more")
	require.Error(t, disk.Put("p", strings.Repeat("x", 256), 1), "and 255 at most")
	require.Error(t, disk.Put("p", "key", make([]byte, 1<<16)))
	require.Empty(t, disk.Peers())
	require.NoError(t, disk.Put("p", "key", 1))
	require.NoError(t, disk.Put("p", "key", "again"))
	value, err = disk.Get("p", "key")
	require.NoError(t, err)
	require.Equal(t, "again", value)
}

func TestMemoryIsBounded(t *testing.T) {
	ps, err := NewPeerstore(WithMaxBytes(1 << 20))
	require.NoError(t, err)
	defer ps.Close()
	addr := multiaddrs("/ip4/192.0.2.1/tcp/1")
	for i := range 100_000 {
		ps.AddAddrs(peer.ID(fmt.Sprintf("%032d", i)), addr, time.Hour)
	}
	held := len(ps.PeersWithAddrs())
	require.Greater(t, held, 1000)
	require.Less(t, held, 20_000)
	ps.ClearAddrs(peer.ID(fmt.Sprintf("%032d", 0)))
	require.Len(t, ps.PeersWithAddrs(), held-1, "removing goes on")
}

func TestOptions(t *testing.T) {
	for _, opt := range []Option{WithClock(nil), WithMaxBytes(-1), WithCacheSize(-1)} {
		_, err := NewPeerstore(opt)
		require.Error(t, err)
		_, err = Open(filepath.Join(t.TempDir(), "peers.db"), opt)
		require.Error(t, err)
	}
	ps, err := NewPeerstore(WithCacheSize(0))
	require.NoError(t, err)
	defer ps.Close()
	addrs := multiaddrs("/ip4/192.0.2.1/tcp/1")
	ps.AddAddrs("p", addrs, time.Hour)
	require.Equal(t, addrs, ps.Addrs("p"))
	require.True(t, slices.Equal(ps.Peers(), []peer.ID{"p"}))
}

func TestConsumesOnlyPeerRecordsOfTheSigner(t *testing.T) {
	ps, err := NewPeerstore()
	require.NoError(t, err)
	defer ps.Close()
	key, p := newIdentity(t, crypto.Ed25519)
	other, _ := newIdentity(t, crypto.Ed25519)
	addrs := multiaddrs("/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.1/tcp/2", "/ip4/192.0.2.1/tcp/3")
	envelope, err := record.Seal(&peer.PeerRecord{PeerID: p, Seq: 1, Addrs: addrs}, other)
	require.NoError(t, err)
	accepted, err := ps.ConsumePeerRecord(envelope, time.Hour)
	require.Error(t, err)
	require.False(t, accepted)
	require.Empty(t, ps.Addrs(p))

	// A newer record takes the addresses of the one before along, but for one of a live connection.
	ps.AddAddr(p, addrs[1], peerstore.ConnectedAddrTTL)
	for sequence, named := range [][]ma.Multiaddr{addrs, addrs[2:]} {
		accepted, err = ps.ConsumePeerRecord(seal(t, key, uint64(sequence), named), time.Hour)
		require.NoError(t, err)
		require.True(t, accepted)
	}
	require.ElementsMatch(t, addrs[1:], ps.Addrs(p))
	accepted, err = ps.ConsumePeerRecord(seal(t, key, 1, addrs[2:]), time.Hour)
	require.NoError(t, err)
	require.True(t, accepted, "the same sequence number once more")
}
