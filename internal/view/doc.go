// Package view shows a run to people: as a frame that is drawn again and again
// on a terminal, as plain lines where there is none, and as the table of
// `r1ctl status`. What is drawn is a pure function of the run's status, the
// time and the size of the window (Frame); only Screen and Open know terminals.
//
// It reads no keys and so needs no event loop: lipgloss measures and colours,
// and a frame is written over the one before.
package view
