//go:build !chaos

package fault

import "time"

// Built says whether this build has fault points.
const Built = false

// Point is a place to fail at; detail names the job or file it is about.
func Point(name, detail string) {}

// Now is the time, which a test may make wrong.
func Now() time.Time { return time.Now() }
