package review

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Decision is what a person says of a row.
type Decision string

// The decisions. A row without one was not reviewed.
const (
	Accept Decision = "accept"
	Reject Decision = "reject" // with a reason
	Edit   Decision = "edit"   // the response was changed, and is accepted as it is now
)

// Row is a line of a batch. Response and Review are there to be changed, and
// nothing else.
type Row struct {
	ID       string          `json:"id"`
	Sample   *int            `json:"sample,omitempty"`
	Domain   string          `json:"domain,omitempty"`
	Prompt   string          `json:"prompt"`
	Response string          `json:"response"`
	Gold     json.RawMessage `json:"gold,omitempty"`
	Verdict  *r1.Verdict     `json:"verdict,omitempty"`
	Digest   string          `json:"digest"` // of the response as it was exported
	Review   Opinion         `json:"review"`
}

// Opinion is the part of a row that a person fills in.
type Opinion struct {
	Decision Decision `json:"decision"`
	Reason   string   `json:"reason"`
	By       string   `json:"by,omitempty"` // who; whoever submits the review, where it is empty
}

// Digest identifies a response.
func Digest(response string) string {
	sum := sha256.Sum256([]byte(response))
	return hex.EncodeToString(sum[:8])
}

// Key tells a row from all others of its stage: its id, sample and the response it had.
type Key [16]byte

// KeyOf is the key of a row.
func KeyOf(id string, sample *int, digest string) Key {
	n := ""
	if sample != nil {
		n = strconv.Itoa(*sample)
	}
	sum := sha256.Sum256([]byte(id + "\n" + n + "\n" + digest))
	return Key(sum[:16])
}

// Key is the row's.
func (r *Row) Key() Key { return KeyOf(r.ID, r.Sample, r.Digest) }
