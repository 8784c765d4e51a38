package peer

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// MetadataID is the protocol of 66/WAKU2-METADATA.
const MetadataID = "/vac/waku/metadata/1.0.0"

// Encode writes the message as go-waku does: length, cluster in field 1, shards packed in field 3.
func (m Metadata) Encode() []byte {
	message := binary.AppendUvarint([]byte{0x08}, uint64(m.Cluster))
	var packed []byte
	for _, shard := range m.Shards {
		packed = binary.AppendUvarint(packed, uint64(shard))
	}
	if len(packed) > 0 {
		message = append(binary.AppendUvarint(append(message, 0x1a), uint64(len(packed))), packed...)
	}
	return append(binary.AppendUvarint(nil, uint64(len(message))), message...)
}

// readMetadata reads one message in any of the forms that peers write: shards unpacked in
// field 2, packed or unpacked in field 3.
func readMetadata(r io.Reader) (Fields, error) {
	in := bufio.NewReader(r)
	length, err := binary.ReadUvarint(in)
	if err != nil {
		return nil, err
	}
	if length > 1024 {
		return nil, fmt.Errorf("a metadata message of %d bytes", length)
	}
	message := make([]byte, length)
	if _, err := io.ReadFull(in, message); err != nil {
		return nil, err
	}
	return decodeMetadata(message)
}

func decodeMetadata(message []byte) (Fields, error) {
	var cluster any
	deprecated, shards := []uint64{}, []uint64{}
	next := func() uint64 {
		value, n := binary.Uvarint(message)
		if n <= 0 {
			message = nil
			return 0
		}
		message = message[n:]
		return value
	}
	for len(message) > 0 {
		tag, value := next(), next()
		switch tag {
		case 0x08:
			cluster = value
		case 0x10:
			deprecated = append(deprecated, value)
		case 0x18:
			shards = append(shards, value)
		case 0x1a:
			if value > uint64(len(message)) {
				return nil, fmt.Errorf("truncated packed shards")
			}
			for end := len(message) - int(value); len(message) > end; {
				shards = append(shards, next())
			}
		default:
			return nil, fmt.Errorf("unexpected metadata tag %d", tag)
		}
	}
	return Fields{"cluster": cluster, "deprecated": deprecated, "shards": shards}, nil
}

func record(index int, role string, id peer.ID, theirs Fields, err error) {
	fields := Fields{"host": index, "peer": id.String(), "role": role}
	for name, value := range theirs {
		fields[name] = value
	}
	if err != nil {
		fields["error"] = err.Error()
	}
	Emit("metadata", fields)
}

// HandleMetadata answers metadata requests, and with mine.Request asks each new connection.
func HandleMetadata(h host.Host, index int, mine Metadata) {
	h.SetStreamHandler(MetadataID, func(s network.Stream) {
		s.SetDeadline(time.Now().Add(10 * time.Second))
		theirs, err := readMetadata(s)
		if err == nil {
			_, err = s.Write(mine.Encode())
		}
		s.Close()
		record(index, "responder", s.Conn().RemotePeer(), theirs, err)
	})
	if !mine.Request {
		return
	}
	h.Network().Notify(&network.NotifyBundle{ConnectedF: func(_ network.Network, c network.Conn) {
		go RequestMetadata(h, index, c.RemotePeer(), mine)
	}})
}

// RequestMetadata asks a connected peer.
func RequestMetadata(h host.Host, index int, id peer.ID, mine Metadata) (Fields, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s, err := h.NewStream(ctx, id, MetadataID)
	if err != nil {
		record(index, "requester", id, nil, err)
		return nil, err
	}
	defer s.Close()
	s.SetDeadline(time.Now().Add(10 * time.Second))
	var theirs Fields
	if _, err = s.Write(mine.Encode()); err == nil {
		if err = s.CloseWrite(); err == nil {
			theirs, err = readMetadata(s)
		}
	}
	record(index, "requester", id, theirs, err)
	return theirs, err
}
