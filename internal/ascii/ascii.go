package ascii

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// Load8 is the first eight bytes of s, the first as the lowest.
func Load8(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// Load4 is the first four bytes of s, the first as the lowest.
func Load4(s string) uint64 {
	_ = s[3]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
}

// LoadUpTo8 is s of one to eight bytes as a number. It is another one for another
// s of the same length.
func LoadUpTo8(s string) uint64 {
	n := len(s)
	switch {
	case n >= 8:
		return Load8(s)
	case n >= 4:
		return Load4(s) | Load4(s[n-4:])<<32
	}
	return uint64(s[0]) | uint64(s[n/2])<<8 | uint64(s[n-1])<<16
}

// Lower puts eight ASCII bytes into lower case; others it leaves as they are.
func Lower(w uint64) uint64 {
	x := w | highs
	upper := (x - ones*'A') &^ (x - ones*('Z'+1)) &^ w & highs
	return w + upper>>2
}

// Spaced says whether eight bytes are ASCII without control characters, and no two
// spaces stand together.
func Spaced(w uint64) bool {
	low := w &^ uint64(highs) // additions of at most 0x7f carry nothing into the next byte
	printable := low + ones*(0x80-0x20)
	space := ^((low ^ ones*' ') + ones*0x7f) & highs
	return (w|^printable)&highs == 0 && space&(space<<8) == 0
}
