from __future__ import annotations

from production.selectors.accounts import (
    accounts,
    horizons_of,
    orders_between,
    states_between,
    tools_between,
)
from production.selectors.alarms import AlarmTold, alarms_between, fault_texts, texts_among
from production.selectors.changeovers import LineChangeovers, line_changeovers
from production.selectors.day import LineDay, line_day, line_shift
from production.selectors.definitions import time_models_in_force
from production.selectors.executions import execution_of
from production.selectors.history import Frequency, reason_frequency, run_time
from production.selectors.hourly import HourTold, ShiftHours, shift_hours
from production.selectors.kpi import Kpi, Made, kpi, line_exit
from production.selectors.line_losses import LineLossAccount, line_losses
from production.selectors.lots import lots_said
from production.selectors.micro import MicroStops, micro_stops
from production.selectors.orders import (
    dispatch_list,
    dispatch_lists,
    job_order_at,
    job_order_events,
    job_orders,
    plan_versions,
)
from production.selectors.pacing import LineAccount, Pacing, account, line_account, line_pacing
from production.selectors.parameters import Parameter, parameters_between
from production.selectors.quantities import Quantities, counters_of, quantities
from production.selectors.record import (
    JobResponse,
    MachinePart,
    QuantityPart,
    StopPart,
    job_response,
    order_counts,
)
from production.selectors.stop_cost import StopCost, stop_cost
from production.selectors.stopped import (
    StopTold,
    counts_said,
    notes,
    reason_history,
    said_by_for,
    said_since,
    stop_containing,
    stops,
    stops_uncoded,
    told,
)
from production.selectors.units import ideal_rate, planned_slots, thresholds_for, units_behind

__all__ = [
    "AlarmTold",
    "Frequency",
    "HourTold",
    "JobResponse",
    "Kpi",
    "LineAccount",
    "LineChangeovers",
    "LineDay",
    "LineLossAccount",
    "MachinePart",
    "Made",
    "MicroStops",
    "Pacing",
    "Parameter",
    "Quantities",
    "QuantityPart",
    "ShiftHours",
    "StopCost",
    "StopPart",
    "StopTold",
    "account",
    "accounts",
    "alarms_between",
    "counters_of",
    "counts_said",
    "dispatch_list",
    "dispatch_lists",
    "execution_of",
    "fault_texts",
    "horizons_of",
    "ideal_rate",
    "job_order_at",
    "job_order_events",
    "job_orders",
    "job_response",
    "kpi",
    "line_account",
    "line_changeovers",
    "line_day",
    "line_exit",
    "line_losses",
    "line_pacing",
    "line_shift",
    "lots_said",
    "micro_stops",
    "notes",
    "order_counts",
    "orders_between",
    "parameters_between",
    "plan_versions",
    "planned_slots",
    "quantities",
    "reason_frequency",
    "reason_history",
    "run_time",
    "said_by_for",
    "said_since",
    "shift_hours",
    "states_between",
    "stop_containing",
    "stop_cost",
    "stops",
    "stops_uncoded",
    "texts_among",
    "thresholds_for",
    "time_models_in_force",
    "told",
    "tools_between",
    "units_behind",
]
