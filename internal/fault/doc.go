// Package fault marks the places where a crash would hurt most: before and after
// each step by which a job, a checkpoint or a commit becomes real.
//
// In a normal build Point is empty and Now is time.Now, and the compiler leaves
// nothing of them. In a build with the tag "chaos" (make chaos) a point looks for
// an order in the folder "faults" of the state dir (R1CTL_STATE_DIR), and dies,
// stops or waits there. The folder is the whole interface:
//
//	NAME.armed   an Order, as JSON, put there by whoever tests
//	NAME.fired   a Record, written just before the order is carried out
//	clock        a duration such as "+3h", by which Now is wrong
//
// An order is carried out once, by one process: the one that gets to rename it away.
package fault
