<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR" sourcelanguage="en_US">
<context><name></name>
  <message id="action.new_atlas">
    <source>New &amp;atlas…</source>
    <translation>새 아틀라스(&amp;A)…</translation>
  </message>
  <message id="action.new_evaluate">
    <source>New &amp;scoreboard…</source>
    <translation>새 점수표(&amp;S)…</translation>
  </message>
  <message id="action.new_extract">
    <source>New &amp;extraction…</source>
    <translation>새 추출(&amp;E)…</translation>
  </message>
  <message id="action.new_train">
    <source>New &amp;training…</source>
    <translation>새 학습(&amp;T)…</translation>
  </message>
  <message id="action.runs">
    <source>&amp;Runs</source>
    <translation>실행 작업(&amp;R)</translation>
  </message>
  <message id="dry_run.fits">
    <source>{rows:,} rows, {size:,.2f} GB, about {minutes:,.1f} minutes on this machine. While it is written it takes {needed:,.2f} GB; {free:,.1f} GB are free there.</source>
    <translation>행 {rows:,}개, {size:,.2f} GB, 이 컴퓨터에서 약 {minutes:,.1f}분. 쓰는 동안 {needed:,.2f} GB가 필요하며 {free:,.1f} GB가 비어 있습니다.</translation>
  </message>
  <message id="dry_run.full">
    <source>{rows:,} rows, {size:,.2f} GB, about {minutes:,.1f} minutes on this machine. It does not fit: while it is written it takes {needed:,.2f} GB, and {free:,.1f} GB are free there.</source>
    <translation>행 {rows:,}개, {size:,.2f} GB, 이 컴퓨터에서 약 {minutes:,.1f}분. 공간이 모자랍니다. 쓰는 동안 {needed:,.2f} GB가 필요한데 {free:,.1f} GB가 비어 있습니다.</translation>
  </message>
  <message id="dry_run.going">
    <source>Some batches are run to find out…</source>
    <translation>알아보기 위해 배치 몇 개를 실행하는 중…</translation>
  </message>
  <message id="field.activations">
    <source>Activations</source>
    <translation>활성값</translation>
  </message>
  <message id="field.activations_out">
    <source>Activations to write</source>
    <translation>저장할 활성값</translation>
  </message>
  <message id="field.activations_out_tip">
    <source>Activations file to write; an interrupted extraction goes on where it stopped</source>
    <translation>저장할 활성값 파일. 중단된 추출은 멈춘 곳에서 이어집니다</translation>
  </message>
  <message id="field.activations_tip">
    <source>Activations file</source>
    <translation>활성값 파일</translation>
  </message>
  <message id="field.atlas_out">
    <source>Atlas to write</source>
    <translation>저장할 아틀라스</translation>
  </message>
  <message id="field.atlas_out_tip">
    <source>Atlas file to write</source>
    <translation>저장할 아틀라스 파일</translation>
  </message>
  <message id="field.backbone">
    <source>Backbone</source>
    <translation>백본</translation>
  </message>
  <message id="field.backbone_tip">
    <source>SPEC of the backbone, as mmfeat backbone list shows them</source>
    <translation>백본의 SPEC. mmfeat backbone list에서 볼 수 있습니다</translation>
  </message>
  <message id="field.batch">
    <source>Pairs a step</source>
    <translation>스텝당 쌍</translation>
  </message>
  <message id="field.batch_size">
    <source>Batch size</source>
    <translation>배치 크기</translation>
  </message>
  <message id="field.batch_size_tip">
    <source>Items that the backbone takes at once</source>
    <translation>백본이 한 번에 처리하는 항목 수</translation>
  </message>
  <message id="field.batch_tip">
    <source>Pairs a step (batch.size)</source>
    <translation>스텝마다 쓰는 쌍의 수(batch.size)</translation>
  </message>
  <message id="field.board">
    <source>Scoreboard to write</source>
    <translation>저장할 점수표</translation>
  </message>
  <message id="field.board_tip">
    <source>CSV file to write</source>
    <translation>저장할 CSV 파일</translation>
  </message>
  <message id="field.corpus">
    <source>Corpus</source>
    <translation>코퍼스</translation>
  </message>
  <message id="field.corpus_tip">
    <source>Corpus file; for atlas and scoreboard only if it is no longer where it was extracted from</source>
    <translation>코퍼스 파일. 아틀라스와 점수표에서는 추출할 때의 자리에 없을 때만</translation>
  </message>
  <message id="field.d_sae">
    <source>Features</source>
    <translation>피처 수</translation>
  </message>
  <message id="field.d_sae_tip">
    <source>Number of latents (sae.d_sae)</source>
    <translation>잠재의 수(sae.d_sae)</translation>
  </message>
  <message id="field.device">
    <source>Device</source>
    <translation>장치</translation>
  </message>
  <message id="field.device_tip">
    <source>Torch device, or auto</source>
    <translation>Torch 장치 또는 auto</translation>
  </message>
  <message id="field.dtype">
    <source>Stored as</source>
    <translation>저장 형식</translation>
  </message>
  <message id="field.dtype_tip">
    <source>Type of the numbers in the file</source>
    <translation>파일에 담기는 수의 형식</translation>
  </message>
  <message id="field.hook">
    <source>Hook point</source>
    <translation>훅 지점</translation>
  </message>
  <message id="field.hook_tip">
    <source>Hook point whose activations are learnt</source>
    <translation>학습할 활성값의 훅 지점</translation>
  </message>
  <message id="field.hooks">
    <source>Hook points</source>
    <translation>훅 지점</translation>
  </message>
  <message id="field.hooks_tip">
    <source>Hook points, with spaces between them</source>
    <translation>훅 지점, 사이를 띄어 씁니다</translation>
  </message>
  <message id="field.is_file">
    <source>{field}: {path} is a file; give the name of a folder.</source>
    <translation>{field}: {path}은(는) 파일입니다. 폴더 이름을 지정하세요.</translation>
  </message>
  <message id="field.k">
    <source>Active latents</source>
    <translation>활성 잠재 수</translation>
  </message>
  <message id="field.k_tip">
    <source>Latents active in a row (sae.k)</source>
    <translation>행마다 활성화되는 잠재의 수(sae.k)</translation>
  </message>
  <message id="field.lr">
    <source>Learning rate</source>
    <translation>학습률</translation>
  </message>
  <message id="field.lr_tip">
    <source>Learning rate (optimiser.lr)</source>
    <translation>학습률(optimiser.lr)</translation>
  </message>
  <message id="field.map">
    <source>Then draw its maps</source>
    <translation>이어서 지도 만들기</translation>
  </message>
  <message id="field.map_tip">
    <source>Runs mmfeat map afterwards: the map of features and that of items</source>
    <translation>끝난 뒤 mmfeat map을 실행합니다: 피처 지도와 항목 지도</translation>
  </message>
  <message id="field.missing">
    <source>{field} is empty; fill it in.</source>
    <translation>{field} 항목이 비어 있습니다. 채워 주세요.</translation>
  </message>
  <message id="field.more">
    <source>More settings</source>
    <translation>추가 설정</translation>
  </message>
  <message id="field.more_tip">
    <source>As in sae.decoders=modality, with spaces between them</source>
    <translation>sae.decoders=modality와 같이, 사이를 띄어 씁니다</translation>
  </message>
  <message id="field.no_csv">
    <source>{field}: {path} does not end in .csv; give such a name.</source>
    <translation>{field}: {path}이(가) .csv로 끝나지 않습니다. 그런 이름을 지정하세요.</translation>
  </message>
  <message id="field.no_file">
    <source>{field}: there is no file {path}; choose another.</source>
    <translation>{field}: {path} 파일이 없습니다. 다른 파일을 선택하세요.</translation>
  </message>
  <message id="field.no_number">
    <source>{field}: {value} is no number that fits; mend it.</source>
    <translation>{field}: {value}은(는) 알맞은 수가 아닙니다. 고쳐 주세요.</translation>
  </message>
  <message id="field.no_sae">
    <source>{path} holds no SAE; choose the folder of a finished training.</source>
    <translation>{path}에 SAE가 없습니다. 완료된 학습의 폴더를 선택하세요.</translation>
  </message>
  <message id="field.other">
    <source>{path} is a file of kind {found}, and {wanted} is needed; choose another.</source>
    <translation>{path}의 종류는 {found}인데 {wanted}이(가) 필요합니다. 다른 파일을 선택하세요.</translation>
  </message>
  <message id="field.recipe">
    <source>Recipe</source>
    <translation>레시피</translation>
  </message>
  <message id="field.recipe_tip">
    <source>Settings that the training begins with</source>
    <translation>학습의 기본 설정</translation>
  </message>
  <message id="field.rows_per_item">
    <source>Rows an item</source>
    <translation>항목당 행</translation>
  </message>
  <message id="field.rows_per_item_tip">
    <source>Patches kept of a picture and tokens of a caption, drawn at random; empty for all</source>
    <translation>그림마다 남길 패치와 캡션마다 남길 토큰의 수(무작위). 비우면 모두</translation>
  </message>
  <message id="field.sae">
    <source>SAE folder</source>
    <translation>SAE 폴더</translation>
  </message>
  <message id="field.sae_out">
    <source>SAE folder to write</source>
    <translation>저장할 SAE 폴더</translation>
  </message>
  <message id="field.sae_out_tip">
    <source>Folder of the SAE; an interrupted training goes on from its last checkpoint</source>
    <translation>SAE 폴더. 중단된 학습은 마지막 체크포인트에서 이어집니다</translation>
  </message>
  <message id="field.sae_tip">
    <source>Folder of a finished training</source>
    <translation>완료된 학습의 폴더</translation>
  </message>
  <message id="field.saes">
    <source>SAE folders</source>
    <translation>SAE 폴더들</translation>
  </message>
  <message id="field.saes_tip">
    <source>SAE folders, one a line</source>
    <translation>SAE 폴더, 한 줄에 하나씩</translation>
  </message>
  <message id="field.second">
    <source>Second activations</source>
    <translation>둘째 활성값</translation>
  </message>
  <message id="field.second_tip">
    <source>Activations of the same corpus by a second encoder, to score monosemanticity by</source>
    <translation>단의성을 재는 데 쓰는, 같은 코퍼스를 둘째 인코더로 추출한 활성값</translation>
  </message>
  <message id="field.seed">
    <source>Seed</source>
    <translation>시드</translation>
  </message>
  <message id="field.seed_tip">
    <source>Seed of what is drawn at random</source>
    <translation>무작위 추출의 시드</translation>
  </message>
  <message id="field.steps">
    <source>Steps</source>
    <translation>스텝 수</translation>
  </message>
  <message id="field.steps_tip">
    <source>Steps of the optimiser (optimiser.steps)</source>
    <translation>최적화 스텝 수(optimiser.steps)</translation>
  </message>
  <message id="field.streams">
    <source>Streams</source>
    <translation>스트림</translation>
  </message>
  <message id="field.streams_tip">
    <source>Streams, with spaces between them: image.pooled, image.patch, text.pooled, text.token</source>
    <translation>스트림, 사이를 띄어 씁니다: image.pooled, image.patch, text.pooled, text.token</translation>
  </message>
  <message id="field.thumbnails">
    <source>Put pictures into the atlas</source>
    <translation>아틀라스에 그림 넣기</translation>
  </message>
  <message id="field.thumbnails_tip">
    <source>Small pictures of the items, so that the atlas can be shown alone</source>
    <translation>항목의 작은 그림. 아틀라스만으로 볼 수 있게 됩니다</translation>
  </message>
  <message id="form.browse">
    <source>Choose: {field}</source>
    <translation>선택: {field}</translation>
  </message>
  <message id="form.cancel">
    <source>Cancel</source>
    <translation>취소</translation>
  </message>
  <message id="form.dry_run">
    <source>What would it take?</source>
    <translation>얼마나 걸릴까요?</translation>
  </message>
  <message id="form.not_there">
    <source>not in this recipe</source>
    <translation>이 레시피에 없음</translation>
  </message>
  <message id="form.start">
    <source>Start</source>
    <translation>시작</translation>
  </message>
  <message id="job.atlas">
    <source>Atlas</source>
    <translation>아틀라스</translation>
  </message>
  <message id="job.demo">
    <source>Demo</source>
    <translation>데모</translation>
  </message>
  <message id="job.evaluate">
    <source>Scoreboard</source>
    <translation>점수표</translation>
  </message>
  <message id="job.export">
    <source>Export</source>
    <translation>내보내기</translation>
  </message>
  <message id="job.extract">
    <source>Extraction</source>
    <translation>추출</translation>
  </message>
  <message id="job.scaling">
    <source>Scaling laws</source>
    <translation>스케일링 법칙</translation>
  </message>
  <message id="job.train">
    <source>Training</source>
    <translation>학습</translation>
  </message>
  <message id="jobs.again">
    <source>Run again</source>
    <translation>다시 실행</translation>
  </message>
  <message id="jobs.closing">
    <source>Jobs that run: {count}. What is to become of them?</source>
    <translation>실행 중인 작업: {count}개. 어떻게 할까요?</translation>
  </message>
  <message id="jobs.closing_title">
    <source>Jobs are running</source>
    <translation>작업이 실행 중입니다</translation>
  </message>
  <message id="jobs.closing_what">
    <source>Stopped jobs leave whole files, and the same command goes on where they were. Jobs that go on write what they print to a log, and are listed here the next time.</source>
    <translation>중지한 작업은 완성된 파일을 남기며, 같은 명령으로 이어서 실행할 수 있습니다. 계속하는 작업의 출력은 로그에 기록되며, 다음에 열 때 이 목록에 다시 나타납니다.</translation>
  </message>
  <message id="jobs.crashed">
    <source>The process was ended by {reason}; the system may be short of memory.</source>
    <translation>프로세스가 {reason} 때문에 끝났습니다. 메모리가 부족할 수 있습니다.</translation>
  </message>
  <message id="jobs.end">
    <source>End at once</source>
    <translation>즉시 끝내기</translation>
  </message>
  <message id="jobs.failed">
    <source>The command ended with status {status}. {reason}</source>
    <translation>명령이 상태 {status}(으)로 끝났습니다. {reason}</translation>
  </message>
  <message id="jobs.forget">
    <source>Remove from the list</source>
    <translation>목록에서 제거</translation>
  </message>
  <message id="jobs.is_done">
    <source>done</source>
    <translation>완료</translation>
  </message>
  <message id="jobs.is_failed">
    <source>failed</source>
    <translation>실패</translation>
  </message>
  <message id="jobs.is_kept">
    <source>goes on by itself</source>
    <translation>창 없이 계속 실행</translation>
  </message>
  <message id="jobs.is_running">
    <source>running</source>
    <translation>실행 중</translation>
  </message>
  <message id="jobs.is_stopped">
    <source>stopped</source>
    <translation>중지됨</translation>
  </message>
  <message id="jobs.is_stopping">
    <source>stopping</source>
    <translation>중지하는 중</translation>
  </message>
  <message id="jobs.keep">
    <source>Let them go on</source>
    <translation>계속 실행</translation>
  </message>
  <message id="jobs.kept">
    <source>It goes on without the window; what it prints goes to {file}.</source>
    <translation>창 없이 계속 실행되며, 출력은 {file}에 기록됩니다.</translation>
  </message>
  <message id="jobs.no_output">
    <source>What the job prints stands here.</source>
    <translation>작업의 출력이 여기에 나타납니다.</translation>
  </message>
  <message id="jobs.no_start">
    <source>The job cannot be run ({reason}); see {file}.</source>
    <translation>작업을 실행할 수 없습니다({reason}). {file}을(를) 확인하세요.</translation>
  </message>
  <message id="jobs.none">
    <source>No job is chosen. Extractions, trainings and atlases that are begun here are listed.</source>
    <translation>선택한 작업이 없습니다. 여기서 시작한 추출, 학습, 아틀라스가 나열됩니다.</translation>
  </message>
  <message id="jobs.open">
    <source>Open the atlas</source>
    <translation>아틀라스 열기</translation>
  </message>
  <message id="jobs.output">
    <source>What the job prints</source>
    <translation>작업 출력</translation>
  </message>
  <message id="jobs.progress">
    <source>Progress of the job</source>
    <translation>작업 진행률</translation>
  </message>
  <message id="jobs.stay">
    <source>Stay here</source>
    <translation>창에 머물기</translation>
  </message>
  <message id="jobs.stop">
    <source>Stop</source>
    <translation>중지</translation>
  </message>
  <message id="jobs.stop_all">
    <source>Stop them</source>
    <translation>중지</translation>
  </message>
  <message id="jobs.stopped">
    <source>Ended at once: finished files are whole; run the same command again to go on.</source>
    <translation>즉시 끝냈습니다. 완성된 파일은 온전하며, 같은 명령을 다시 실행하면 이어집니다.</translation>
  </message>
  <message id="jobs.title">
    <source>Jobs</source>
    <translation>작업</translation>
  </message>
  <message id="jobs.unread">
    <source>What the job has left cannot be read ({reason}); see {file}.</source>
    <translation>작업이 남긴 내용을 읽을 수 없습니다({reason}). {file}을(를) 확인하세요.</translation>
  </message>
  <message id="jobs.vanished">
    <source>The process ended without a word, as when a machine is switched off; run the same command again to go on.</source>
    <translation>컴퓨터가 꺼진 것처럼 프로세스가 아무 말 없이 끝났습니다. 같은 명령을 다시 실행하면 이어집니다.</translation>
  </message>
  <message id="runs.best_features">
    <source>features</source>
    <translation>피처</translation>
  </message>
  <message id="runs.best_steps">
    <source>steps</source>
    <translation>스텝</translation>
  </message>
  <message id="runs.board">
    <source>Scoreboard</source>
    <translation>점수표</translation>
  </message>
  <message id="runs.boards">
    <source>Source of the scoreboard</source>
    <translation>점수표의 출처</translation>
  </message>
  <message id="runs.choose">
    <source>Folder of trainings</source>
    <translation>학습 폴더</translation>
  </message>
  <message id="runs.choose_button">
    <source>Choose folder…</source>
    <translation>폴더 선택…</translation>
  </message>
  <message id="runs.column_dead">
    <source>Dead</source>
    <translation>죽은 비율</translation>
  </message>
  <message id="runs.column_fvu">
    <source>FVU</source>
    <translation>FVU</translation>
  </message>
  <message id="runs.column_l0">
    <source>L0</source>
    <translation>L0</translation>
  </message>
  <message id="runs.column_name">
    <source>Training</source>
    <translation>학습</translation>
  </message>
  <message id="runs.column_step">
    <source>Step</source>
    <translation>스텝</translation>
  </message>
  <message id="runs.compute">
    <source>training compute (FLOP)</source>
    <translation>학습 연산량(FLOP)</translation>
  </message>
  <message id="runs.count">
    <source>Trainings: {count:,}, of which {done:,} have finished. FVU, L0 and dead share are of test concepts.</source>
    <translation>학습 {count:,}개 중 {done:,}개 완료. FVU, L0, 죽은 비율은 시험 개념에 대한 값입니다.</translation>
  </message>
  <message id="runs.curves">
    <source>Curves</source>
    <translation>곡선</translation>
  </message>
  <message id="runs.dead">
    <source>dead share</source>
    <translation>죽은 비율</translation>
  </message>
  <message id="runs.features">
    <source>{count:,} features</source>
    <translation>피처 {count:,}개</translation>
  </message>
  <message id="runs.finished">
    <source>finished</source>
    <translation>완료</translation>
  </message>
  <message id="runs.fit">
    <source>fitted frontier</source>
    <translation>맞춘 최적선</translation>
  </message>
  <message id="runs.fitted">
    <source>{count} runs, {unfinished} unfinished</source>
    <translation>실행 {count}개, 미완료 {unfinished}개</translation>
  </message>
  <message id="runs.fitting">
    <source>Fitting…</source>
    <translation>맞추는 중…</translation>
  </message>
  <message id="runs.l0">
    <source>active latents (L0)</source>
    <translation>활성 잠재(L0)</translation>
  </message>
  <message id="runs.law">
    <source>{name} ~ C^{value:.3f} [{low:.3f}, {high:.3f}]</source>
    <translation>{name} ~ C^{value:.3f} [{low:.3f}, {high:.3f}]</translation>
  </message>
  <message id="runs.law_features">
    <source>features</source>
    <translation>피처</translation>
  </message>
  <message id="runs.law_loss">
    <source>loss</source>
    <translation>손실</translation>
  </message>
  <message id="runs.law_lr">
    <source>learning rate</source>
    <translation>학습률</translation>
  </message>
  <message id="runs.law_steps">
    <source>steps</source>
    <translation>스텝</translation>
  </message>
  <message id="runs.list">
    <source>Trainings; ticked ones are drawn</source>
    <translation>학습 목록, 표시한 것을 그립니다</translation>
  </message>
  <message id="runs.loss">
    <source>loss (FVU of the batch)</source>
    <translation>손실(배치의 FVU)</translation>
  </message>
  <message id="runs.more">
    <source>There is more than is looked at; choose a folder further down.</source>
    <translation>살펴본 것보다 더 많이 있습니다. 더 아래의 폴더를 선택하세요.</translation>
  </message>
  <message id="runs.new_atlas">
    <source>Atlas…</source>
    <translation>아틀라스…</translation>
  </message>
  <message id="runs.new_evaluate">
    <source>Scoreboard…</source>
    <translation>점수표…</translation>
  </message>
  <message id="runs.new_extract">
    <source>Extraction…</source>
    <translation>추출…</translation>
  </message>
  <message id="runs.new_train">
    <source>Training…</source>
    <translation>학습…</translation>
  </message>
  <message id="runs.no_board">
    <source>{path} is no scoreboard; give the CSV that mmfeat evaluate --out wrote.</source>
    <translation>{path}은(는) 점수표가 아닙니다. mmfeat evaluate --out이 쓴 CSV를 지정하세요.</translation>
  </message>
  <message id="runs.no_folder">
    <source>There is no folder {path}; choose another.</source>
    <translation>{path} 폴더가 없습니다. 다른 폴더를 선택하세요.</translation>
  </message>
  <message id="runs.no_folder_yet">
    <source>Choose a folder with trainings.</source>
    <translation>학습이 있는 폴더를 선택하세요.</translation>
  </message>
  <message id="runs.no_law">
    <source>{name}: no law</source>
    <translation>{name}: 법칙 없음</translation>
  </message>
  <message id="runs.no_sweep">
    <source>There is no sweep in this folder.</source>
    <translation>이 폴더에 스윕이 없습니다.</translation>
  </message>
  <message id="runs.none">
    <source>There is no training in {folder}.</source>
    <translation>{folder}에 학습이 없습니다.</translation>
  </message>
  <message id="runs.optimal">
    <source>compute-optimal</source>
    <translation>연산량 최적</translation>
  </message>
  <message id="runs.own_scores">
    <source>Scores of the trainings</source>
    <translation>학습의 점수</translation>
  </message>
  <message id="runs.scaling">
    <source>Scaling</source>
    <translation>스케일링</translation>
  </message>
  <message id="runs.steps">
    <source>steps</source>
    <translation>스텝</translation>
  </message>
  <message id="runs.sweeps">
    <source>Sweep</source>
    <translation>스윕</translation>
  </message>
  <message id="runs.tabs">
    <source>Views of the trainings</source>
    <translation>학습 보기</translation>
  </message>
  <message id="runs.test_loss">
    <source>FVU on test concepts</source>
    <translation>시험 개념의 FVU</translation>
  </message>
  <message id="runs.too_many">
    <source>The first {count} ticked trainings are drawn.</source>
    <translation>표시한 학습 중 처음 {count}개를 그립니다.</translation>
  </message>
  <message id="runs.unfinished">
    <source>not finished</source>
    <translation>미완료</translation>
  </message>
  <message id="runs.write_scaling">
    <source>Write figure…</source>
    <translation>그림 저장…</translation>
  </message>
  <message id="score.alive">
    <source>alive</source>
    <translation>살아 있는 비율</translation>
  </message>
  <message id="score.architecture">
    <source>architecture</source>
    <translation>구조</translation>
  </message>
  <message id="score.atom_error">
    <source>atom error</source>
    <translation>원자 오차</translation>
  </message>
  <message id="score.bimodal">
    <source>bimodal</source>
    <translation>두 모달리티</translation>
  </message>
  <message id="score.d_sae">
    <source>features</source>
    <translation>피처 수</translation>
  </message>
  <message id="score.dead">
    <source>dead share</source>
    <translation>죽은 비율</translation>
  </message>
  <message id="score.fvu">
    <source>FVU</source>
    <translation>FVU</translation>
  </message>
  <message id="score.image_only">
    <source>image only</source>
    <translation>그림만</translation>
  </message>
  <message id="score.jaccard_languages">
    <source>Jaccard of languages</source>
    <translation>언어 간 자카드</translation>
  </message>
  <message id="score.k">
    <source>k</source>
    <translation>k</translation>
  </message>
  <message id="score.l0">
    <source>L0</source>
    <translation>L0</translation>
  </message>
  <message id="score.lr">
    <source>learning rate</source>
    <translation>학습률</translation>
  </message>
  <message id="score.monosemanticity">
    <source>monosemanticity</source>
    <translation>단의성</translation>
  </message>
  <message id="score.name">
    <source>SAE</source>
    <translation>SAE</translation>
  </message>
  <message id="score.notes">
    <source>notes</source>
    <translation>비고</translation>
  </message>
  <message id="score.one_decoder">
    <source>one decoder</source>
    <translation>디코더 하나</translation>
  </message>
  <message id="score.r10_codes">
    <source>R@10, codes</source>
    <translation>R@10, 코드</translation>
  </message>
  <message id="score.r10_dense">
    <source>R@10, dense</source>
    <translation>R@10, 밀집</translation>
  </message>
  <message id="score.r10_reconstruction">
    <source>R@10, reconstruction</source>
    <translation>R@10, 재구성</translation>
  </message>
  <message id="score.r1_codes">
    <source>R@1, codes</source>
    <translation>R@1, 코드</translation>
  </message>
  <message id="score.recipe">
    <source>recipe</source>
    <translation>레시피</translation>
  </message>
  <message id="score.seed">
    <source>seed</source>
    <translation>시드</translation>
  </message>
  <message id="score.seed_stability">
    <source>seed stability</source>
    <translation>시드 안정성</translation>
  </message>
  <message id="score.shared">
    <source>shared</source>
    <translation>공유</translation>
  </message>
  <message id="score.shared_of_d_sae">
    <source>shared of all features</source>
    <translation>전체 중 공유</translation>
  </message>
  <message id="score.shared_within_group">
    <source>shared within group</source>
    <translation>그룹 안 공유</translation>
  </message>
  <message id="score.steps">
    <source>steps</source>
    <translation>스텝 수</translation>
  </message>
  <message id="score.testable">
    <source>testable</source>
    <translation>검정 가능</translation>
  </message>
  <message id="score.text_only">
    <source>text only</source>
    <translation>글만</translation>
  </message>
</context>
</TS>
