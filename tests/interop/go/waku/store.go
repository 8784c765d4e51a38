// The node's peer store on disk, made as go-waku's own program makes it with --persist-peers, and what
// tests want to know of it.
package main

import (
	"context"
	"database/sql"
	"fmt"

	dssql "github.com/ipfs/go-ds-sql"
	"github.com/libp2p/go-libp2p/core/host"
	libp2ppeer "github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/record"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoreds" // nolint: staticcheck
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	_ "github.com/mattn/go-sqlite3"
	"github.com/waku-org/go-waku/waku/persistence"
	wakustore "github.com/waku-org/go-waku/waku/v2/peerstore"

	"wakupeers/interop/peer"
)

// peerStore is in the SQLite file of that name, or in memory. (go-waku's own sqlite package would do
// the first two steps, and brings a hundred modules for migrations of its message store.)
func peerStore(file string) (peerstore.Peerstore, error) {
	if file == "" {
		return pstoremem.NewPeerstore()
	}
	db, err := sql.Open("sqlite3", file+"?_journal=WAL&_timeout=5000")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE IF NOT EXISTS peerstore (key TEXT NOT NULL UNIQUE, data BLOB);"); err != nil {
		return nil, err
	}
	datastore := dssql.NewDatastore(db, persistence.CreateQueries("peerstore"))
	return pstoreds.NewPeerstore(context.Background(), datastore, pstoreds.DefaultOpts())
}

// stored says all that the store has of each peer.
func stored(h host.Host) (peer.Fields, error) {
	store := h.Peerstore()
	wakuStore, ok := store.(wakustore.WakuPeerstore)
	if !ok {
		return nil, fmt.Errorf("the store is none of go-waku's")
	}
	peers := map[string]peer.Fields{}
	for _, id := range store.Peers() {
		fields := peer.Fields{"hasKey": store.PubKey(id) != nil}
		addrs := []string{}
		for _, addr := range store.Addrs(id) {
			addrs = append(addrs, addr.String())
		}
		fields["addrs"] = addrs
		if protocols, err := store.GetProtocols(id); err == nil {
			fields["protocols"] = protocols
		}
		if agent, err := store.Get(id, "AgentVersion"); err == nil {
			fields["agent"] = agent
		}
		for _, name := range []string{"comment", "weight"} {
			if value, err := store.Get(id, name); err == nil {
				fields[name] = value
			}
		}
		if score, err := wakuStore.Score(id); err == nil {
			fields["score"] = score
		}
		if topics, err := wakuStore.PubSubTopics(id); err == nil {
			names := []string{}
			for topic := range topics {
				names = append(names, topic)
			}
			fields["topics"] = names
		}
		if certified, ok := peerstore.GetCertifiedAddrBook(store); ok {
			fields["certified"] = isOwn(certified.GetPeerRecord(id), id)
		}
		peers[id.String()] = fields
	}
	return peer.Fields{"peers": peers}, nil
}

func isOwn(envelope *record.Envelope, id libp2ppeer.ID) bool {
	return envelope != nil && id.MatchesPublicKey(envelope.PublicKey)
}

// note gives the store what go-waku itself notes of a peer, and a value of another's.
func note(h host.Host, request peer.Request) (peer.Fields, error) {
	id, err := libp2ppeer.Decode(request.Peer)
	if err != nil {
		return nil, err
	}
	store := h.Peerstore()
	wakuStore, ok := store.(wakustore.WakuPeerstore)
	if !ok {
		return nil, fmt.Errorf("the store is none of go-waku's")
	}
	for _, err := range []error{
		wakuStore.SetScore(id, 7),
		wakuStore.SetPubSubTopics(id, []string{"/waku/2/rs/1/5", "/waku/2/rs/1/2"}),
		store.Put(id, "comment", "seen in a test"),
		store.Put(id, "weight", 0.25),
		store.Put(id, "count", 3),
	} {
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}
