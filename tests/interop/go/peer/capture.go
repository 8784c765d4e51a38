package peer

import (
	"crypto/rand"
	"encoding/hex"
	"io"
)

// recordedRandom records each 32 random bytes that are read at once. A Noise handshake of
// go-libp2p reads two of them: its static secret, then its ephemeral secret.
type recordedRandom struct{ io.Reader }

func (r recordedRandom) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n == 32 {
		Emit("random", Fields{"hex": hex.EncodeToString(p[:n])})
	}
	return n, err
}

// RecordRandom starts the record; call it once the identity key is made.
func RecordRandom() {
	rand.Reader = recordedRandom{rand.Reader}
}
