package peer

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	signed "github.com/libp2p/go-libp2p/core/record"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// Gater lets only loopback through, in both directions, and records each accepted socket before
// a byte is read from it or written to it.
type Gater struct{ Host int }

func (Gater) InterceptPeerDial(peer.ID) bool { return true }

func (Gater) InterceptAddrDial(_ peer.ID, addr ma.Multiaddr) bool { return manet.IsIPLoopback(addr) }

func (g Gater) InterceptAccept(addrs network.ConnMultiaddrs) bool {
	_, remote, err := manet.DialArgs(addrs.RemoteMultiaddr())
	if err != nil {
		remote = addrs.RemoteMultiaddr().String()
	}
	Emit("tcp_accept", Fields{"host": g.Host, "remote": remote})
	return manet.IsIPLoopback(addrs.RemoteMultiaddr())
}

func (Gater) InterceptSecured(network.Direction, peer.ID, network.ConnMultiaddrs) bool { return true }

func (Gater) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }

// PrivateKey returns the key of the configuration, or a new one of the type asked for.
func (c HostConfig) PrivateKey() (crypto.PrivKey, error) {
	if c.Key != "" {
		bytes, err := base64.StdEncoding.DecodeString(c.Key)
		if err != nil {
			return nil, err
		}
		return crypto.UnmarshalPrivateKey(bytes)
	}
	types := map[string]int{"": crypto.Ed25519, "ed25519": crypto.Ed25519, "secp256k1": crypto.Secp256k1, "ecdsa": crypto.ECDSA, "rsa": crypto.RSA}
	kind, known := types[c.KeyType]
	if !known {
		return nil, fmt.Errorf("unknown key type %q", c.KeyType)
	}
	key, _, err := crypto.GenerateKeyPairWithReader(kind, 2048, rand.Reader)
	return key, err
}

// ListenAddr is where the host listens: what the configuration says, or any port of 127.0.0.1.
func (c HostConfig) ListenAddr() string {
	if c.Listen != "" {
		return c.Listen
	}
	return "/ip4/127.0.0.1/tcp/0"
}

// Listening describes one host for the listening event.
func Listening(h host.Host, index int, key crypto.PrivKey) (Fields, error) {
	bytes, err := crypto.MarshalPrivateKey(key)
	if err != nil {
		return nil, err
	}
	var addrs []string
	for _, addr := range h.Network().ListenAddresses() {
		if manet.IsIPLoopback(addr) {
			addrs = append(addrs, addr.String()+"/p2p/"+h.ID().String())
		}
	}
	if len(addrs) == 0 {
		return nil, errors.New("the host has no loopback address")
	}
	return Fields{"host": index, "id": h.ID().String(), "addrs": addrs, "key": base64.StdEncoding.EncodeToString(bytes)}, nil
}

func describe(c network.Conn) Fields {
	state := c.ConnState()
	direction := map[network.Direction]string{network.DirInbound: "inbound", network.DirOutbound: "outbound"}[c.Stat().Direction]
	return Fields{
		"peer": c.RemotePeer().String(), "direction": direction, "remote": c.RemoteMultiaddr().String(),
		"security": string(state.Security), "muxer": string(state.StreamMultiplexer), "connection": c.ID(),
	}
}

// pingStream records each 32 bytes that the real ping responder reads.
type pingStream struct {
	network.Stream
	host int
	read int
}

func (s *pingStream) Read(p []byte) (int, error) {
	n, err := s.Stream.Read(p)
	for s.read += n; s.read >= ping.PingSize; s.read -= ping.PingSize {
		Emit("ping_received", Fields{"host": s.host, "peer": s.Conn().RemotePeer().String()})
	}
	return n, err
}

// Observe records what happens to the host from now on.
func Observe(h host.Host, index int) error {
	h.Network().Notify(&network.NotifyBundle{
		ConnectedF: func(_ network.Network, c network.Conn) {
			fields := describe(c)
			fields["host"] = index
			Emit("connected", fields)
		},
		DisconnectedF: func(n network.Network, c network.Conn) {
			fields := describe(c)
			fields["host"] = index
			fields["left"] = len(n.ConnsToPeer(c.RemotePeer()))
			Emit("disconnected", fields)
		},
	})
	pings := &ping.PingService{Host: h}
	h.SetStreamHandler(ping.ID, func(s network.Stream) { pings.PingHandler(&pingStream{Stream: s, host: index}) })
	events, err := h.EventBus().Subscribe([]any{
		new(event.EvtPeerIdentificationCompleted), new(event.EvtPeerIdentificationFailed), new(event.EvtPeerProtocolsUpdated),
	})
	if err != nil {
		return err
	}
	go recordIdentify(events, index)
	return nil
}

func recordIdentify(events event.Subscription, index int) {
	for received := range events.Out() {
		switch e := received.(type) {
		case event.EvtPeerIdentificationCompleted:
			var observed any
			if e.ObservedAddr != nil {
				observed = e.ObservedAddr.String()
			}
			addrs := []string{}
			for _, addr := range e.ListenAddrs {
				addrs = append(addrs, addr.String())
			}
			Emit("identify", Fields{
				"host": index, "peer": e.Peer.String(), "agent": e.AgentVersion, "protocolVersion": e.ProtocolVersion,
				"protocols": protocol.ConvertToStrings(e.Protocols), "addrs": addrs, "observed": observed, "connection": e.Conn.ID(),
				"certified": certified(e.SignedPeerRecord),
			})
		case event.EvtPeerIdentificationFailed:
			Emit("identify_failed", Fields{"host": index, "peer": e.Peer.String(), "error": e.Reason.Error()})
		case event.EvtPeerProtocolsUpdated:
			Emit("protocols_updated", Fields{
				"host": index, "peer": e.Peer.String(),
				"added": protocol.ConvertToStrings(e.Added), "removed": protocol.ConvertToStrings(e.Removed),
			})
		}
	}
}

// certified is what the peer has signed: the addresses of its record, which go-libp2p has verified; nil
// without one.
func certified(envelope *signed.Envelope) any {
	if envelope == nil {
		return nil
	}
	opened, err := envelope.Record()
	if err != nil {
		return nil
	}
	addrs := []string{}
	for _, addr := range opened.(*peer.PeerRecord).Addrs {
		addrs = append(addrs, addr.String())
	}
	return addrs
}

func timeout(request Request) (context.Context, context.CancelFunc) {
	if request.Timeout == 0 {
		request.Timeout = 10000
	}
	return context.WithTimeout(context.Background(), time.Duration(request.Timeout)*time.Millisecond)
}

// Offer adds a protocol whose streams are reset.
func Offer(h host.Host, name string) {
	h.SetStreamHandler(protocol.ID(name), func(s network.Stream) { s.Reset() })
}

type command = func(Request) (Fields, error)

func dial(hosts []host.Host) command {
	return func(request Request) (Fields, error) {
		info, err := peer.AddrInfoFromString(request.Addr)
		if err != nil {
			return nil, err
		}
		ctx, cancel := timeout(request)
		defer cancel()
		h := hosts[request.Host]
		if err := h.Connect(ctx, *info); err != nil {
			return nil, err
		}
		for _, c := range h.Network().ConnsToPeer(info.ID) {
			return describe(c), nil
		}
		return nil, errors.New("the connection ended at once")
	}
}

func pingPeer(hosts []host.Host) command {
	return func(request Request) (Fields, error) {
		id, err := peer.Decode(request.Peer)
		if err != nil {
			return nil, err
		}
		ctx, cancel := timeout(request)
		defer cancel()
		rounds := []float64{}
		results := ping.Ping(ctx, hosts[request.Host], id)
		for range max(1, request.Count) {
			result := <-results
			if result.Error != nil {
				return nil, result.Error
			}
			rounds = append(rounds, float64(result.RTT.Microseconds())/1000)
		}
		return Fields{"pings": rounds}, nil
	}
}

// known tells what the peerstore has of a peer.
func known(hosts []host.Host) func(Request) (Fields, error) {
	return func(request Request) (Fields, error) {
		id, err := peer.Decode(request.Peer)
		if err != nil {
			return nil, err
		}
		store := hosts[request.Host].Peerstore()
		protocols, err := store.GetProtocols(id)
		if err != nil {
			return nil, err
		}
		agent, _ := store.Get(id, "AgentVersion")
		addrs := []string{}
		for _, addr := range store.Addrs(id) {
			addrs = append(addrs, addr.String())
		}
		return Fields{"addrs": addrs, "protocols": protocols, "agent": agent, "key": store.PubKey(id) != nil}, nil
	}
}

// Commands are those of every Go peer.
func Commands(hosts []host.Host) map[string]func(Request) (Fields, error) {
	return map[string]func(Request) (Fields, error){
		"dial": dial(hosts),
		"ping": pingPeer(hosts),
		"disconnect": func(request Request) (Fields, error) {
			id, err := peer.Decode(request.Peer)
			if err != nil {
				return nil, err
			}
			return nil, hosts[request.Host].Network().ClosePeer(id)
		},
		"peers": func(request Request) (Fields, error) {
			connections := []Fields{}
			for _, c := range hosts[request.Host].Network().Conns() {
				connections = append(connections, describe(c))
			}
			return Fields{"connections": connections}, nil
		},
		"known": known(hosts),
		// Adds a protocol after the fact: identify push tells the connected peers.
		"protocol": func(request Request) (Fields, error) {
			Offer(hosts[request.Host], request.Name)
			return nil, nil
		},
		"stop": func(Request) (Fields, error) {
			for _, h := range hosts {
				h.Close()
			}
			time.AfterFunc(50*time.Millisecond, func() { os.Exit(0) })
			return nil, nil
		},
	}
}
