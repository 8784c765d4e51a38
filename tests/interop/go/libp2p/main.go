// A go-libp2p peer (or many in one process) under the control protocol of ../../README.md.
package main

import (
	"context"
	"fmt"

	"github.com/libp2p/go-libp2p"
	mplex "github.com/libp2p/go-libp2p-mplex"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	libp2ppeer "github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"

	"wakupeers/interop/peer"
)

const relayID = "/vac/waku/relay/2.0.0"

func options(config peer.HostConfig, index int, key crypto.PrivKey) ([]libp2p.Option, error) {
	chosen := []libp2p.Option{
		libp2p.Identity(key),
		libp2p.ListenAddrStrings(config.ListenAddr()),
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.ResourceManager(&network.NullResourceManager{}),
		libp2p.ConnectionManager(connmgr.NullConnMgr{}),
		libp2p.ConnectionGater(peer.Gater{Host: index}),
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
		libp2p.Ping(false),
	}
	if config.Peerstore != "" {
		ps, err := openPeerstore(config.Peerstore)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, libp2p.Peerstore(ps))
	}
	securities := map[string]libp2p.Option{"noise": libp2p.Security(noise.ID, noise.New), "tls": libp2p.Security(libp2ptls.ID, libp2ptls.New)}
	muxers := map[string]libp2p.Option{"yamux": libp2p.Muxer(yamux.ID, yamux.DefaultTransport), "mplex": libp2p.Muxer(mplex.ID, mplex.DefaultTransport)}
	for _, names := range []struct {
		asked    []string
		known    map[string]libp2p.Option
		fallback string
	}{{config.Security, securities, "noise"}, {config.Muxers, muxers, "yamux"}} {
		if len(names.asked) == 0 {
			names.asked = []string{names.fallback}
		}
		for _, name := range names.asked {
			option, known := names.known[name]
			if !known {
				return nil, fmt.Errorf("unknown muxer or security protocol %q", name)
			}
			chosen = append(chosen, option)
		}
	}
	return chosen, nil
}

func joinRelay(h host.Host, topics []string) error {
	gossip, err := pubsub.NewGossipSub(context.Background(), h,
		pubsub.WithGossipSubProtocols([]protocol.ID{relayID}, func(pubsub.GossipSubFeature, protocol.ID) bool { return true }),
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign), pubsub.WithNoAuthor())
	if err != nil {
		return err
	}
	for _, name := range topics {
		topic, err := gossip.Join(name)
		if err != nil {
			return err
		}
		if _, err := topic.Subscribe(); err != nil {
			return err
		}
	}
	return nil
}

func newHost(config peer.HostConfig, index int) (host.Host, peer.Fields, error) {
	key, err := config.PrivateKey()
	if err != nil {
		return nil, nil, err
	}
	chosen, err := options(config, index, key)
	if err != nil {
		return nil, nil, err
	}
	h, err := libp2p.New(chosen...)
	if err != nil {
		return nil, nil, err
	}
	if err := peer.Observe(h, index); err != nil {
		return nil, nil, err
	}
	if config.Metadata != nil {
		peer.HandleMetadata(h, index, *config.Metadata)
	}
	for _, name := range config.Protocols {
		peer.Offer(h, name)
	}
	if config.Relay {
		if err := joinRelay(h, config.Topics); err != nil {
			return nil, nil, err
		}
	}
	listening, err := peer.Listening(h, index, key)
	return h, listening, err
}

func main() {
	config := peer.ReadConfig()
	var hosts []host.Host
	var listening []peer.Fields
	for index, mine := range config.Hosts {
		h, described, err := newHost(mine, index)
		if err != nil {
			peer.Fail(err)
		}
		hosts, listening = append(hosts, h), append(listening, described)
	}
	if config.Capture {
		peer.RecordRandom()
	}
	commands := peer.Commands(hosts)
	commands["metadata"] = func(request peer.Request) (peer.Fields, error) {
		id, err := libp2ppeer.Decode(request.Peer)
		if err != nil {
			return nil, err
		}
		mine := peer.Metadata{}
		if given := config.Hosts[request.Host].Metadata; given != nil {
			mine = *given
		}
		return peer.RequestMetadata(hosts[request.Host], request.Host, id, mine)
	}
	peer.Emit("listening", peer.Fields{"hosts": listening, "kind": "go-libp2p"})
	peer.Serve(commands)
}
