"""The rules of a mentorship. Pure: no clock, no database, no random ids in here.

`mentorship` says what a mentorship is and when time next has something to do; `check_ins`, `care`
and `closing` what people do to it; `timing` what time does to it; `schedule` counts days.
"""
