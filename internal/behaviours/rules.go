package behaviours

// rules are the patterns of every behaviour, compiled. A sentence shows a behaviour
// once, however many of its patterns it meets, and not at all where it meets one of
// its vetoes.
//
// What all of them cannot see: languages other than English; a behaviour that is
// acted out without a word for it (a calculation done twice is a check, and is not
// counted; only in countdown does game.go look at the calculations themselves); irony,
// quotation, and people in the problem's story who do what the solver might.
type rules struct {
	words      map[string]uint16 // the reflective ones come first
	longest    int               // bytes of the longest of them
	text, game ruleSet
}

// wants is the bit of numberWanted.
const wants = 1 << (2 * behaviours)

// compiled reads the rules. Bit i of a match is behaviour i, bit behaviours+i its veto.
func compiled() *rules {
	v := &vocabulary{ids: map[string]uint16{}}
	r := &rules{words: v.ids}
	for _, word := range Words() {
		v.id(word)
	}
	v.id("✓")
	for i, of := range [behaviours]struct{ rules, vetoes, inGames string }{
		verification:     {verificationRules(), verificationVetoes(), verificationInGames()},
		backtracking:     {backtrackingRules(), backtrackingVetoes(), ""},
		subgoals:         {subgoalRules(), "", ""},
		backwardChaining: {backwardRules(), "", backwardInGames()},
	} {
		rule, veto := uint32(1)<<i, uint32(1)<<(behaviours+i)
		for _, p := range v.compileAll(of.rules) {
			r.text.add(p, rule)
			r.game.add(p, rule)
		}
		for _, p := range v.compileAll(of.vetoes) {
			r.text.add(p, veto)
			r.game.add(p, veto)
		}
		for _, p := range v.compileAll(of.inGames) {
			r.game.add(p, rule)
		}
	}
	for _, p := range v.compileAll(numberWanted()) {
		r.game.add(p, wants)
	}
	r.longest = v.longest
	return r
}

// Verification: the solver says that it checks something (let me double-check, to
// verify, sanity check), puts a result back into the original problem, asks whether it
// is right, or says that it fits (this works, which matches the given total).
//
// It cannot see a check that is only carried out (6*4 is indeed 24 in prose), and takes
// an announcement for the deed. "Which satisfies" counts only with what is satisfied.
func verificationRules() string {
	return `
		let|let's|lets _3 check|recheck|verify|confirm|validate|recompute|recalculate
		i|we|i'll|we'll|should|must|can|could|and|now|quickly ?just ?quickly ?also ?double check|recheck|verify|confirm|validate|recompute|recalculate ?if|whether|that|this|it|the|my|our|all|each|by|with
		to ?double ?re check|recheck|verify|confirm|validate|recompute|recalculate
		by|after|when ?double checking|rechecking|verifying|confirming
		^ ?double ?quick check|recheck|verify|confirm|validate|recompute|recalculate|verification|checking|verifying
		sanity|quick|final|double check
		double checking|checked
		plug|plugging|plugged|substitute|substituting|put|putting _4 back
		plug|plugging|substitute|substituting _6 original
		matches|match|agrees|agree|consistent ?with _4 earlier|previous|given|original|problem|target|expected|before
		satisfies|satisfy|meets|fulfills _2 original|given|all|both|every|condition|conditions|constraint|constraints|requirement|requirements|equation
		this|that|it|which|solution|answer ?indeed|also ?does works|work $
		checks out $
		^ ?but ?wait ?, is|was|does ?that|this|it|my|the ?answer|result right|correct|true|satisfy|work|hold|match|add
		i|we|i've|we've ?have verified|checked|confirmed|double
		let|let's|to _2 make|be sure
		see|seeing ?if|whether _4 agrees|matches|holds|works|right|correct|true|fits
		which|this|that confirms|verifies|proves ?it|this|that|our|my|the $
		contradicts|contradict|violates|violate
		remains|remain|need|needs to check|verify|confirm
		we|i have to check|verify|confirm ?if|whether|that|this|the
		✓
	`
}

func verificationVetoes() string {
	return `
		no|without need|needing ?to|for ?a ?double check|checking|verify|confirm
		don't|needn't|not|won't|didn't|can't|cannot|couldn't _3 check|verify|confirm
		check in|out|into ?of|at|the|a
		checks in|into
		check mark|marks|valve|point|box
		blank|bank|pay|traveler's|personal check
		write|writes|wrote|cash|cashes|deposit|deposits _2 check
	`
}

// verificationInGames: countdown traces compare numbers (14 is not 24, 24 = 24 is no
// news but 24 is 24 is), or say how far off they are.
func verificationInGames() string {
	return `
		# is ?not|still ?equal ?to #
		# isn't #
		# ≠ #
		# which ?is|isn't ?not ?the ?our target
		too high|low|big|small|large|much|little|far
		not ?the|our target
		not # $
		this|that ?is|isn't ?not ?quite it $
		equals|is|hits|reaches ?exactly the|our target $
		off by #
		still not
		# more|less|over|under|above|below than ?the ?target|wanted|needed|#
		only|but # ?is|are left
		# ?, ?so no $
		that's|it's ?exactly|not|the|our it|target|right|correct $
		use|uses|used|using each|every|all ?three|four ?of ?the number|numbers ?only ?exactly once
	`
}

// Backtracking: the solver gives up what it was doing: it calls it wrong or hopeless
// (that is not right, I made a mistake, this does not work, a dead end), or turns to
// something else (go back, start over, try another way, scratch that).
//
// It cannot see a change of mind that is not announced, and mistakes the dismissal of
// an option of the question (B is wrong) for one of the solver's own ideas. "Wait"
// counts only with what follows: alone it is hesitation. Alternatively does not count,
// as it often adds a second solution to one that stands.
func backtrackingRules() string {
	return `
		wait|hmm|oh|ah|oops|ugh ?, no|that's|that|actually|scratch ?is ?, wrong|incorrect|not|that|isn't|no|i
		wait|hmm|oh|ah|oops|actually ?, no $
		that|this|it|that's|this's|it's|which|what ?i ?did ?is|was|seems|looks|be|can't ?be ?clearly|also wrong|incorrect|impossible $
		that|this|it|which is|was|does|do|can not ?be ?look ?seem ?quite right|correct|possible|valid
		that's|it's not ?quite right|correct|possible|valid
		isn't|can't|cannot|doesn't|wasn't ?be ?seem ?look ?quite right|correct|possible|valid
		that|this|it can't|cannot be $
		^ no ?, wait
		^ ?but ?wait ?, actually ,
		i|we|i've|we've|must|have ?'ve ?have ?must ?have made|make _2 mistake|error|slip
		my mistake|bad
		i|we ?have ?just misread|miscounted|mistook|miscalculated|misinterpreted|misunderstood|overlooked
		doesn't|didn't|won't|can't|don't ?seem ?to ?quite work
		does|did|will|do|would|is|are|isn't not|working ?seem ?to ?quite ?work|working $
		not work|working ?out ?here $
		isn't|wasn't working
		^ ?so ?, ?i ?will go|step back
		let|let's ?me|us go|step back
		i|i'll|we'll|should|must|need|have ?to ?to go|step back
		start|starting|begin over|again|afresh|fresh
		start|starting from scratch
		let|let's|i'll|we'll|we|i|and|so|then|should|must|will|could ?me|us ?just ?to try|retry ?it ?this ?that again|another|different|else
		^ try|trying ?it ?this ?a ?some again|another|different|else|other
		try|trying|consider something|somewhere|someone else
		try|use|consider|take|need|attempt|explore|want a|an|another|some|the ?completely ?totally different|another|new|other ?kind ?of approach|way|ways|method|idea|combination|path|strategy|order|pair|tack|angle
		try|use|consider|take|need|attempt|explore another ?approach|way|method|idea|combination|path|strategy|order|pair|one
		scratch that|this
		on second thought|thoughts
		dead end
		never mind
		nevermind
		led|leads|leading|gets|going|got ?us|me|to nowhere
		i|i'll|we|we'll|let|let's|must|should ?me|us ?have ?need ?to ?will abandon|backtrack|undo|discard|rethink|reconsider|redo|restart|retry
		^ backtrack|backtracking|retry
		hold on ,
		^ hold on
		i|we ?completely forgot|forget
		that|this|it|which|attempt|approach|idea failed|fails|fail $
		that|this|my|our ?last ?first|approach|assumption|guess|idea _5 was|were wrong|incorrect|mistaken|false
		no good|use|luck $
		think|thinking|look|looking|search of|for another|other|different ?one way|approach|idea|method|route
		turn|turning|switch|switching|move to another|different ?approach|method|idea|way
		another|different|better approach|way|method|idea is|would ?be to
		^ instead , ?i|i'll|we|let|let's|try
	`
}

func backtrackingVetoes() string {
	return `
		if|whether|unless|suppose|assume|assuming|verify|check|until|when _5 wrong|incorrect|mistake|error|right|correct|work|works|possible|valid
		without going|starting|having
		common mistake|error
		no|any mistake|mistakes|error|errors
		is|was not wrong|incorrect|impossible
		first|second|third|again go ?, $
		need|have not|never|don't go
	`
}

// Subgoals: the solver names a part to be done by itself (first, let's find …; step 2;
// the next step is …), or a plan, or that it breaks the problem into parts.
//
// It cannot see steps that are simply done one after another, and counts each
// announcement, also of a step that was announced before.
func subgoalRules() string {
	return `
		^ ?so ?, first|firstly|next|second|secondly|third|thirdly ?, ?i|i'll|we|we'll|let|let's ?me|us ?will|can|need|want|must|should ?to find|compute|calculate|determine|solve|make|get|prove|show|establish|figure|work|simplify|handle|count|try|reach|derive|express|identify
		i'll|we'll|let|let's|i|we|to|will|must|should ?me|us ?need ?to first|begin|start _2 find|compute|calculate|determine|solve|make|get|prove|show|establish|figure|work|simplify|handle|count|try|reach|derive|express|identify
		let's|let|i'll|we'll ?me|us start|begin by|with
		^ step #|one|two|three|four
		break|breaking|split|decompose _4 down
		break|breaking|split|splitting|divide|decompose|separate _5 into _3 steps|parts|cases|pieces|subproblems|stages|subgoals
		my|the|our plan is|,|will
		^ plan ,
		subgoal|subgoals|subproblem|subtask
		first|next|second|third|intermediate|remaining step|task|goal|thing is|will|would|,
		^ part|case #|a|b|c|i|ii|one|two ,|$|is
		things|steps|parts|quantities|facts|cases to find|show|do|compute|check|prove
		it remains to
		what remains is|to
		begin|start with the _4
		aim|aiming for #
		once|before|after i|we _2 have|find|found|know|compute|tackle
		goal|aim ?now|here is ?now to
		for this|that|which ?, i|we ?first ?will need|have|must
		to do this|that|so ?, i|we ?first ?will need|have|must
	`
}

// Backward chaining: the solver starts from what is wanted: it works backwards, says
// what must hold for the target to be reached (to get 24 we need 6*4; it suffices to
// show …), or infers from the target (since the target is 22, and 22+3=25, …).
//
// It cannot see an inverse operation that is not introduced as such, as in algebra
// most lines are one.
func backwardRules() string {
	return `
		work|working|worked|reason|reasoning|think|thinking|go|going ?it backward|backwards
		backward|backwards from|chaining|induction|reasoning
		start|starting|begin|beginning|work|working ?back from ?the|our ?desired|final|required target|goal|end|answer|result|conclusion|total
		to|for get|reach|obtain|make|achieve|arrive|end _4 # _3 , ?i|i'd|we|we'd ?would ?will need|require|must|want|could|can
		to|for get|reach|obtain|make|achieve _4 # i|i'd|we|we'd ?would ?will need|require|must
		to|for get|reach|obtain _2 target|goal|answer|result ?, ?_2 i|we|last|final ?step ?would ?will need|must|require
		for that|this|it to happen|hold|be|work , _5 must|need|needs|has|have
		would|'d|we'd|i'd be done if
		in|thinking|think|working|work ?in reverse
		reversing|undoing the|each|every|all
		the|our desired|wanted|required|target # _6 ?, ?so _4 must|has|have
		the|our desired|wanted|required sum|number|value|total|product|result _6 , _4 must|has|have|need
		since|because|given the|our|my target|goal|desired|required ?number|sum|result|answer|total ?is|equals|must|should
		suffices|enough ?for ?us to show|prove|find|check|establish
		what|something|numbers ?that could|would|must|can give|gives|produce|produces|yield|yields|lead|leads|multiply|add|make|makes _3 target|goal|#
		must|would|should have come|been from|#|before
		last|final step|operation|move must|has|would|should|could
		for _4 to be|equal|hold _3 , _4 must|need|needs
		if the|our ?final answer|target|result|total _5 , _6 must
	`
}

func backwardInGames() string {
	return `
		so|then ?, i|we need ?to ?make|get #
		need # from
	`
}

// numberWanted is a subgoal in games, where the number is not the target.
func numberWanted() string {
	return `
		let|let's|try|trying|want|need|aim|aiming|start|going|will|can|could|i'll _3 make|making|get|getting|reach|reaching|build|form ?close ?near ?to #
	`
}
