// Package wholefile writes files that are whole under their name or not there, also after a
// power loss: they are written aside, brought to the disk, and moved.
//
// What does not live here: what is in a file, and who owns it.
package wholefile
