package report

// maxPoints bounds a curve: more cannot be told apart on a screen.
const maxPoints = 400

// Point is the mean of the values over some steps, with their extremes.
type Point struct {
	Step  float64 `json:"step"` // the middle of the steps
	Value float64 `json:"value"`
	Min   float64 `json:"min"`
	Max   float64 `json:"max"`
	N     int     `json:"n"` // values in it
}

// Curve is a named series.
type Curve struct {
	Name   string  `json:"name"`
	Points []Point `json:"points"`
}

// series takes any number of values and keeps at most maxPoints: whenever it is
// full, neighbours merge, and from then on a point holds twice as many values.
type series struct {
	points []Point
	each   int // values that make a point
}

func (s *series) add(step, value float64) {
	if s.each == 0 {
		s.each = 1
	}
	one := Point{Step: step, Value: value, Min: value, Max: value, N: 1}
	if last := len(s.points) - 1; last >= 0 && s.points[last].N < s.each {
		s.points[last] = merge(s.points[last], one)
		return
	}
	if len(s.points) == maxPoints {
		for i := range maxPoints / 2 {
			s.points[i] = merge(s.points[2*i], s.points[2*i+1])
		}
		s.points = s.points[:maxPoints/2]
		s.each *= 2
	}
	s.points = append(s.points, one)
}

func merge(a, b Point) Point {
	n := float64(a.N + b.N)
	return Point{
		Step:  (a.Step*float64(a.N) + b.Step*float64(b.N)) / n,
		Value: (a.Value*float64(a.N) + b.Value*float64(b.N)) / n,
		Min:   min(a.Min, b.Min), Max: max(a.Max, b.Max), N: a.N + b.N,
	}
}

// Smooth is a centred moving average over window points, one-sided at the ends.
// It does not reach over the breaks: steps after which another phase begins, with
// another reference, so that both sides are not of one kind.
func Smooth(points []Point, window int, breaks ...int) []Point {
	half := window / 2
	phase := func(p Point) int {
		n := 0
		for _, b := range breaks {
			if p.Step > float64(b) {
				n++
			}
		}
		return n
	}
	out := make([]Point, len(points))
	for i, p := range points {
		first, behind := max(0, i-half), min(len(points), i+half+1)
		for phase(points[first]) != phase(p) {
			first++
		}
		for phase(points[behind-1]) != phase(p) {
			behind--
		}
		near := points[first:behind]
		var sum float64
		for _, q := range near {
			sum += q.Value
		}
		p.Value = sum / float64(len(near))
		out[i] = p
	}
	return out
}
