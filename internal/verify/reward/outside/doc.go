// Package outside asks programs of users for rewards: a Python function in a
// process of its own, or an HTTP endpoint.
//
// Whatever such a program does (crash, hang, answer nonsense), the caller gets
// one value an item, unknown where there is no reward, and trouble is counted.
// The formulas of r1ctl's own rewards live in package reward.
package outside
