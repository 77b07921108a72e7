package paper

import "testing"

// The values that the paper states in its text, where the curves must pass.
func TestCurvesAreThePapers(t *testing.T) {
	pass, cons, err := Accuracy()
	if err != nil {
		t.Fatal(err)
	}
	if first, last := pass[0], pass[len(pass)-1]; first != (Point{200, 0.156}) || last != (Point{8400, 0.71}) || len(cons) != len(pass) {
		t.Errorf("pass@1 from %v to %v, %d and %d points", first, last, len(pass), len(cons))
	}
	for i := range pass {
		if cons[i].Value <= pass[i].Value || i > 0 && pass[i].Step <= pass[i-1].Step {
			t.Errorf("point %d: pass@1 %v, cons@16 %v", i, pass[i], cons[i])
		}
	}
	length, err := Length()
	if err != nil || length[len(length)-1] != (Point{8400, 9555}) {
		t.Errorf("length %v, %v", length, err)
	}
	if _, err := column("step\n1\n", "x"); err == nil {
		t.Error("a column that is not there is found")
	}
}
