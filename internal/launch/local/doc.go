// Package local launches attempts as detached processes on this machine.
//
// An attempt has a folder, <root>/<run>/<stage>/<job>/<attempt>/:
//
//	submit.lock   held by whoever changes the attempt's state, for moments
//	life.lock     held by the attempt's process from birth to death
//	process.json  who that process is; written by itself, first thing
//	stop.json     somebody asked it to stop, and until when it may take
//	exit.json     how it ended; written by itself, last thing, or by the
//	              first who finds it dead
//	agent.log     its output
//	work/         the agent's, see internal/agent
//
// The truth about life is life.lock, never a pid. The launcher takes the lock
// and the child inherits it with the open file, so there is no moment at which
// a process exists without holding it, and the kernel gives it back with the
// process's last breath. Whoever takes submit.lock and finds life.lock free knows that no
// process lives, and process.json says whether one ever began: a launcher
// killed between any two lines leaves either nothing or a process that the
// next Submit, Find or Status finds.
//
// Every process of an attempt carries the attempt's folder in its environment
// (childenv.AttemptDir), and an attempt has not ended before all that do are gone.
// So nothing is left behind by a program that forks, and nothing is doubled when
// somebody removes the folder of a running attempt. While the root itself cannot
// be seen, everything is unknown.
//
// The launched program takes part by calling Main. Linux only: it needs open
// file description locks and /proc.
package local
