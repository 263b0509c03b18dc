-- Called by migration traceability.0003. What a machine said it worked with went into what the order on it made, also
-- where nobody booked it: a recall must not miss it. One that only stood there while the machine did not run went
-- into nothing. A lot booked as used in the order is in traceability_lotedge, with
-- its quantity; one the order made itself went into nothing. Stays as long on a line as there.
CREATE VIEW traceability_lotedge_told AS
SELECT said.id AS from_lot_id,
       made.lot_id AS to_lot_id,
       made.job_order_id
FROM production_lotspan span
JOIN traceability_materiallot said ON said.code = span.lot_code
JOIN plant_equipment machine ON machine.id = span.work_unit_id
JOIN production_orderspan run ON run.equipment_id IN (machine.id, machine.parent_id)
    -- A machine that signals its order itself knows better than the line's commands when it came to it.
    AND (run.source = 'signal' AND run.equipment_id = machine.id OR run.source = 'events' AND NOT EXISTS (
        SELECT 1 FROM production_orderspan own WHERE own.equipment_id = machine.id AND own.source = 'signal'
    ))
    AND run.start_time < coalesce(span.end_time, 'infinity')
    AND coalesce(run.end_time, 'infinity') > span.start_time
JOIN production_joborder job ON job.code = run.order_code
JOIN traceability_lotmovement made ON made.job_order_id = job.id AND made.kind = 'produced'
WHERE EXISTS (
      SELECT 1
      FROM production_stateinterval ran
      WHERE ran.work_unit_id = machine.id
        AND ran.state = 'execute'
        AND ran.start_time < least(coalesce(span.end_time, 'infinity'), coalesce(run.end_time, 'infinity'))
        AND coalesce(ran.end_time, 'infinity') > greatest(span.start_time, run.start_time)
  )
  AND said.produced_by_id IS DISTINCT FROM job.id
  AND said.id <> made.lot_id
  AND (
      made.window_start IS NULL
      OR (
          span.start_time < made.at
          AND coalesce(span.end_time, 'infinity') > made.window_start - interval '15 minutes'
      )
  )
  AND NOT EXISTS (
      SELECT 1
      FROM traceability_lotmovement booked
      WHERE booked.job_order_id = job.id AND booked.lot_id = said.id AND booked.kind = 'consumed'
  );

-- Booked by someone, or told by a machine alone.
CREATE VIEW traceability_lotedge_any AS
SELECT from_lot_id, to_lot_id, job_order_id, false AS told FROM traceability_lotedge
UNION ALL
SELECT from_lot_id, to_lot_id, job_order_id, true AS told FROM traceability_lotedge_told;
