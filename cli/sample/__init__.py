"""The sample: an invented county whose agencies tell everything the plan measures.

`county` plays it day by day. `facilities` gathers what there is, theme by theme (`childcare`, `education`,
`health`, `elder_care`, `communities`, `estates`, `sports`, `culture`), in the one `register`; `steering` lets
it grow along a `course`, `stumbles` lets it fail. `population`, `land`, `schooling`, `livelihood` and `shows`
keep the `books`, `fitness` the events, `vouchers` the campaigns, `tasks` the reports. All of it leaves
through the `outbox`, in the order of sending; `mistakes` puts in what agencies get wrong. `command` writes or
pushes it, `feed` plays it live, `truth` counts what must come out.
"""
