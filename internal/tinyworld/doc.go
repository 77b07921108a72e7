// Package tinyworld makes the data of the laptop profile: a world so small that
// a model of 150,000 parameters can learn it on one CPU, in which every stage of
// the recipe still has real work to do.
//
// Its problems are serial (arithmetic modulo ten, moves around a table, tiny
// programs from examples, multiple choice about the states of substances):
// answered at once they come out near chance, worked out step by step they come
// out right, so reinforcement learning discovers that thinking pays. Its text
// corpus stands for the web: badly formatted answers, answers without a thought,
// noisy chains of thought, some of them in Chinese digits. docs/tiny-world.md
// shows all of it.
//
// Datasets are named by addresses, tiny://NAME?key=value, and generated as they
// are read. An address always gives the same rows: see Version.
package tinyworld
