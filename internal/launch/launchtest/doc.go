// Package launchtest is the suite that every launcher must pass.
//
// A launcher's test gives Run a Factory. The attempts of the suite run a
// scripted program instead of the agent: Script, which the launcher's test
// binary plays when it is started again with PlayEnv set. What an attempt does
// is read from the file that Launch.SpecKey names, so launcher and attempts
// must see one file system.
//
// What a launcher declares in its Capabilities decides which cases apply; for
// every outcome it declares, the Factory must be able to bring it about. That the
// suite finds what is broken is tested in package local, with launchers that are
// broken on purpose.
package launchtest
